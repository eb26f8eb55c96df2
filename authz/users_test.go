package authz_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/user"
)

// withoutLogin is a good authorization request that says nothing about the user.
func withoutLogin() map[string][]string { return authorization("app", "login", "", "password", "") }

func (w *world) allow(options ...option) answer {
	w.Helper()
	return w.post("/oauth/authorize", withoutLogin(), options...)
}

// subjectOf is for whom the answer's code is.
func (w *world) subjectOf(a answer) string {
	w.Helper()
	require.Equal(w, http.StatusFound, a.StatusCode, a.text)
	location, err := a.Location()
	require.NoError(w, err)
	token := w.redeem(location.Query().Get("code"))
	require.Equal(w, http.StatusOK, token.StatusCode, token.text)
	return w.claims(token.str("access_token")).Subject
}

func TestTheHostApplicationSaysWhoTheUserIs(t *testing.T) {
	w := newWorld(t)
	soon := w.clock.Now().Add(time.Minute).Unix()
	for _, test := range []struct {
		claims map[string]any
		want   string
	}{
		{map[string]any{"id": 214, "exp": soon, "identifier": "B07"}, "214"},
		{map[string]any{"id": 1, "exp": soon, "isRefresh": false}, "1"},
		{map[string]any{"id": 1, "exp": soon, "clientId": ""}, "1"},
		{map[string]any{"id": int64(9007199254740993), "exp": soon}, "9007199254740993"},
		{map[string]any{"id": int64(9223372036854775807), "exp": float64(soon) + 0.5}, "9223372036854775807"},
	} {
		token := w.userJWT(test.claims)
		for _, value := range []string{"Bearer " + token, "bearer " + token, token} {
			require.Equal(t, test.want, w.subjectOf(w.allow(header("Authorization", value))))
		}
	}
}

func TestUserTokensThatAreRefused(t *testing.T) {
	w := newWorld(t)
	now := w.clock.Now()
	soon := now.Add(time.Minute).Unix()
	good := w.userJWT(map[string]any{"id": 5, "exp": soon})
	parts := strings.Split(good, ".")
	sign := func(alg jwa.SignatureAlgorithm, secret, payload string, set ...any) string {
		headers := jws.NewHeaders()
		for i := 0; i < len(set); i += 2 {
			require.NoError(t, headers.Set(set[i].(string), set[i+1]))
		}
		token, err := jws.Sign([]byte(payload), jws.WithKey(alg, []byte(secret), jws.WithProtectedHeaders(headers)))
		require.NoError(t, err)
		return string(token)
	}
	renamed := func(alg, payload string) string { // HS256 in truth
		input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+alg+`"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
		mac := hmac.New(sha256.New, []byte(jwtSecret))
		mac.Write([]byte(input))
		return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	payload := fmt.Sprintf(`{"id":5,"exp":%d}`, soon)

	for name, token := range map[string]string{
		"expired":                w.userJWT(map[string]any{"id": 5, "exp": now.Unix()}),
		"no expiry":              w.userJWT(map[string]any{"id": 5}),
		"expiry as text":         w.userJWT(map[string]any{"id": 5, "exp": "9999999999"}),
		"not yet":                w.userJWT(map[string]any{"id": 5, "exp": soon, "nbf": now.Add(time.Hour).Unix()}),
		"a refresh token":        w.userJWT(map[string]any{"id": 5, "exp": soon, "isRefresh": true}),
		"an upstream's":          w.userJWT(map[string]any{"id": 5, "exp": soon, "isRefresh": false, "clientId": "app"}),
		"oddly an upstream's":    w.userJWT(map[string]any{"id": 5, "exp": soon, "clientId": 1}),
		"oddly a refresh token":  w.userJWT(map[string]any{"id": 5, "exp": soon, "isRefresh": "yes"}),
		"no id":                  w.userJWT(map[string]any{"exp": soon}),
		"id null":                w.userJWT(map[string]any{"id": nil, "exp": soon}),
		"id as text":             w.userJWT(map[string]any{"id": "5", "exp": soon}),
		"id a fraction":          w.userJWT(map[string]any{"id": 5.5, "exp": soon}),
		"id zero":                w.userJWT(map[string]any{"id": 0, "exp": soon}),
		"id negative":            w.userJWT(map[string]any{"id": -5, "exp": soon}),
		"id in exponent form":    w.userJWT(map[string]any{"id": json.Number("5e0"), "exp": soon}),
		"id too large":           w.userJWT(map[string]any{"id": json.Number("9223372036854775808"), "exp": soon}),
		"another secret":         sign(jwa.HS256, "another", payload),
		"HS512":                  sign(jwa.HS512, jwtSecret, payload),
		"HS256 named HS512":      renamed("HS512", payload),
		"HS256 named none":       renamed("none", payload),
		"not an object":          sign(jwa.HS256, jwtSecret, `[5]`),
		"alg none":               parts[0] + "." + parts[1] + ".",
		"alg none in the header": "eyJhbGciOiJub25lIn0." + parts[1] + "." + parts[2],
		"crit":                   sign(jwa.HS256, jwtSecret, payload, "crit", []string{"exp"}, "exp", 1),
		"JSON serialization":     `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"altered":                parts[0] + "." + parts[1] + "A." + parts[2],
		"cut":                    parts[0] + "." + parts[1],
		"garbage":                "garbage",
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			w.requireError(w.allow(header("Authorization", "Bearer "+token)), http.StatusUnauthorized, "access_denied")
			w.requireError(w.get("/clients", header("Authorization", "Bearer "+token)), http.StatusUnauthorized, "access_denied")
		})
	}
	one := header("Authorization", "Bearer "+good)
	w.requireError(w.allow(one, one), http.StatusBadRequest, "invalid_request")
	w.requireError(w.allow(header("Authorization", "Digest x")), http.StatusUnauthorized, "access_denied")
	w.requireError(w.allow(), http.StatusUnauthorized, "access_denied")
}

func TestLoginAndPassword(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, subject, w.subjectOf(w.post("/oauth/authorize", authorization("app"))))
	require.Equal(t, subject, w.subjectOf(w.allow(option(func(r *http.Request) { r.SetBasicAuth("login", "password") }))))

	for name, a := range map[string]answer{
		"wrong password": w.post("/oauth/authorize", authorization("app", "password", "wrong")),
		"wrong login":    w.post("/oauth/authorize", authorization("app", "login", "wrong")),
		"no password":    w.post("/oauth/authorize", authorization("app", "password", "")),
		"no login":       w.post("/oauth/authorize", authorization("app", "login", "")),
		"wrong in Basic": w.allow(option(func(r *http.Request) { r.SetBasicAuth("login", "wrong") })),
		"odd Basic":      w.allow(header("Authorization", "Basic %%%")),
	} {
		w.requireError(a, http.StatusUnauthorized, "access_denied")
		require.Empty(t, a.Header.Get("Location"), name)
		require.NotContains(t, a.Header.Get("WWW-Authenticate"), "Basic", "a browser would keep the password and send it unasked")
	}
	twice := w.post("/oauth/authorize", authorization("app"), option(func(r *http.Request) { r.SetBasicAuth("login", "password") }))
	w.requireError(twice, http.StatusBadRequest, "invalid_request")
}

func TestTheFirstAuthenticatorThatAppliesDecides(t *testing.T) {
	w := newWorld(t)
	bad := header("Authorization", "Bearer garbage")
	w.requireError(w.post("/oauth/authorize", authorization("app"), bad), http.StatusUnauthorized, "access_denied")
}

func TestWithoutASecretNoTokenIsAProof(t *testing.T) {
	unset := &user.HostJWT{}
	w := newWorld(t, func(c *authz.Config) { c.Users = []user.Authenticator{unset} })
	_, err := unset.Authenticate(t.Context(), user.Proof{Token: w.userJWT(map[string]any{"id": 5, "exp": 9999999999})})
	require.ErrorIs(t, err, user.ErrNotApplicable)
}

func TestLNDHubIsAskedForTheUser(t *testing.T) {
	var status int
	var body string
	lndhub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != "/hub/auth" || string(sent) != `{"login":"l\"ogin","password":"pass"}` {
			status, body = http.StatusTeapot, string(sent)
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer lndhub.Close()
	w := newWorld(t, func(c *authz.Config) {
		hub := user.NewLNDHub(lndhub.URL+"/hub/", []byte(jwtSecret), nil)
		hub.Now = c.Now
		c.Users = []user.Authenticator{hub}
	})
	request := authorization("app", "login", `l"ogin`, "password", "pass")
	token := w.userJWT(map[string]any{"id": 77, "exp": w.clock.Now().Add(time.Hour).Unix(), "isRefresh": false})
	answerWith := func(s int, b string) answer {
		status, body = s, b
		return w.post("/oauth/authorize", request)
	}
	require.Equal(t, "77", w.subjectOf(answerWith(200, `{"access_token":"`+token+`","refresh_token":"x"}`)))

	for _, s := range []int{400, 401, 403} {
		w.requireError(answerWith(s, `{"error":true,"code":1,"message":"bad auth"}`), http.StatusUnauthorized, "access_denied")
		for _, b := range []string{``, `<html>`, `{}`} { // a proxy in front, who knows no passwords
			w.requireError(answerWith(s, b), http.StatusServiceUnavailable, "temporarily_unavailable")
		}
	}
	w.requireError(answerWith(200, `{"error":true,"code":1,"message":"bad auth"}`), http.StatusUnauthorized, "access_denied")
	for s, b := range map[int]string{500: ``, 404: ``, 307: ``, 200: `<html>`, 201: `{"access_token":"` + token + `"}`} {
		w.requireError(answerWith(s, b), http.StatusServiceUnavailable, "temporarily_unavailable")
	}
	w.requireError(answerWith(200, `{}`), http.StatusServiceUnavailable, "temporarily_unavailable")
	w.requireError(answerWith(200, `{"access_token":"garbage"}`), http.StatusServiceUnavailable, "temporarily_unavailable")
	refresh := w.userJWT(map[string]any{"id": 77, "exp": w.clock.Now().Add(time.Hour).Unix(), "isRefresh": true})
	w.requireError(answerWith(200, `{"access_token":"`+refresh+`"}`), http.StatusServiceUnavailable, "temporarily_unavailable")

	lndhub.Close()
	w.requireError(w.post("/oauth/authorize", request), http.StatusServiceUnavailable, "temporarily_unavailable")
	w.requireError(w.allow(), http.StatusUnauthorized, "access_denied")
	require.NotContains(t, w.log.String(), "pass\"")
}

type brokenUsers struct{}

func (brokenUsers) Authenticate(context.Context, user.Proof) (string, error) {
	return "", errors.New("secret internals")
}

func TestInternalErrorsOfAnAuthenticatorAreNotShown(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.Users = []user.Authenticator{brokenUsers{}} })
	a := w.post("/oauth/authorize", authorization("app"))
	w.requireError(a, http.StatusInternalServerError, "server_error")
	require.NotContains(t, a.text, "internals")
	require.Contains(t, w.log.String(), "secret internals")
}

// askedFrom knows nobody, and is told where each request comes from.
type askedFrom func(netip.Addr)

func (from askedFrom) Authenticate(_ context.Context, proof user.Proof) (string, error) {
	from(proof.Address)
	return "", user.ErrNotApplicable
}

type tersely struct{}

func (tersely) Authenticate(context.Context, user.Proof) (string, error) {
	return "", &user.DeniedError{}
}

func TestADenialWithoutAReasonIsADenial(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.Users = []user.Authenticator{tersely{}} })
	w.requireError(w.post("/oauth/authorize", authorization("app")), http.StatusUnauthorized, "access_denied")
}

// A caller writes nothing into the log, and no secret gets there that somebody put into a path by mistake.
func TestTheLogOfAFailureHoldsNothingThatWasSent(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.Users = []user.Authenticator{brokenUsers{}} })
	a := w.do(http.MethodDelete, w.url+"/clients/my-access-token?x=my-code", "", nil)
	w.requireError(a, http.StatusInternalServerError, "server_error")
	require.Contains(t, w.log.String(), `"route":"/clients/{clientId}"`)
	require.NotContains(t, w.log.String(), "my-")
}
