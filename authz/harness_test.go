package authz_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/client"
	"gatehouse/authz/client/assertion"
	"gatehouse/authz/internal/authztest"
	"gatehouse/authz/keyring"
	"gatehouse/authz/outbox"
	"gatehouse/authz/user"
	"gatehouse/denylist"
	"gatehouse/keys"
	"gatehouse/keys/dpop"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

const (
	subject   = "12345"
	callback  = "http://localhost:8080"
	appSecret = "an-app-secret"
	jwtSecret = "shared with the host application"
)

var routeScopes = map[string]string{
	"balance:read":    "Read your balance.",
	"invoices:create": "Create invoices on your behalf.",
	"payments:send":   "Send payments from your account.",
}

var routeRisks = map[string]authz.Risk{"balance:read": authz.Read, "invoices:create": authz.Write, "payments:send": authz.Spend}

// world is an authorization server on a real socket, with a real registry and a real denylist.
type world struct {
	*testing.T
	url      string
	admin    string
	server   *authz.Server
	registry *registry.Registry
	keyring  *keyring.Keyring
	keys     *keys.Ring
	redis    *miniredis.Miniredis
	denylist *denylist.Store
	relay    *outbox.Relay
	clock    *registrytest.Clock
	log      *authztest.Log

	config     authz.Config
	slowHashes *atomic.Int64
}

func newWorld(t *testing.T, change ...func(*authz.Config)) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{T: t, clock: authztest.NewClock(), log: &authztest.Log{}}
	w.registry = authztest.NewRegistry(t, w.clock)
	w.denylist, w.redis = authztest.NewDenylist(t, w.clock)
	w.keyring = w.newKeyring()
	var err error
	w.keys, err = w.keyring.Open(ctx)
	require.NoError(t, err)
	w.relay = &outbox.Relay{Registry: w.registry, Denylist: w.denylist}
	require.NoError(t, w.relay.Fill(ctx))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.url = "http://" + listener.Addr().String()
	config := authz.Config{
		Issuer:        w.url,
		Scopes:        routeScopes,
		Risks:         routeRisks,
		RefreshGrace:  10 * time.Second,
		RefreshSecret: bytes.Repeat([]byte("r"), 32),
		Users: []user.Authenticator{
			&user.HostJWT{Secret: []byte(jwtSecret), Now: w.clock.Now},
			user.Static{Login: "login", Password: "password", Subject: subject},
		},
		Registry: w.registry,
		Keyring:  w.keyring,
		Denylist: w.denylist,
		Proofs:   &dpop.Checker{Verifier: dpop.Verifier{Now: w.clock.Now}, Uses: w.denylist},

		Assertions: &assertion.Checker{Uses: w.denylist, Leeway: 5 * time.Second, Now: w.clock.Now},
		Log:        slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:        w.clock.Now,
	}
	for _, c := range change {
		c(&config)
	}
	w.config = config
	w.server, err = authz.New(config)
	require.NoError(t, err)
	w.slowHashes = w.server.CountSlowHashes()

	public := httptest.NewUnstartedServer(w.server.Public())
	require.NoError(t, public.Listener.Close())
	public.Listener = listener
	public.Start()
	t.Cleanup(public.Close)
	admin := httptest.NewServer(w.server.Admin())
	t.Cleanup(admin.Close)
	w.admin = admin.URL

	w.register()
	return w
}

// newKeyring is the keyring of one more replica.
func (w *world) newKeyring() *keyring.Keyring {
	return authztest.NewKeyring(w.registry, w.clock, w.log)
}

// register makes one client of each kind.
func (w *world) register() {
	hash := client.HashGenerated(appSecret)
	for _, c := range []registry.Client{
		{ID: "app", Name: "An App", URL: "https://app.example", ImageURL: "https://app.example/i.png", Domain: callback, SecretHash: hash},
		{ID: "other", Name: "Other", Domain: callback, SecretHash: hash},
		{ID: "spa", Name: "In the browser", RedirectURIs: []string{callback + "/spa"}, Public: true, SecretHash: hash},
		{ID: "narrow", Name: "Narrow", Domain: callback, Scopes: []string{"balance:read", "no:route"}, SecretHash: hash},
		{ID: "service", Name: "Service", GrantTypes: []string{"client_credentials"}, SecretHash: hash},
		{ID: "once", Name: "Without refresh", Domain: callback, GrantTypes: []string{"authorization_code"}, SecretHash: hash},
		{ID: "4711", Name: "Looks like a user", GrantTypes: []string{"client_credentials"}, SecretHash: hash},
	} {
		require.NoError(w, w.registry.CreateClient(w.Context(), c))
	}
}

func (w *world) change(id string, change func(*registry.Client)) {
	w.Helper()
	_, err := w.registry.UpdateClient(w.Context(), id, func(c *registry.Client) error { change(c); return nil })
	require.NoError(w, err)
}

// answer is what came back, with its body read.
type answer struct {
	*http.Response
	text string
	json map[string]any
}

func (a answer) str(name string) string { s, _ := a.json[name].(string); return s }

var noRedirect = &http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (w *world) send(r *http.Request) answer {
	w.Helper()
	response, err := noRedirect.Do(r)
	require.NoError(w, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(w, err)
	a := answer{Response: response, text: string(body)}
	_ = json.Unmarshal(body, &a.json) // pages and lists are looked at as text
	return a
}

type option func(*http.Request)

func basic(id, secret string) option {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

func header(name, value string) option {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func (w *world) get(path string, options ...option) answer {
	w.Helper()
	return w.do(http.MethodGet, w.url+path, "", nil, options...)
}

func (w *world) post(path string, form url.Values, options ...option) answer {
	w.Helper()
	return w.do(http.MethodPost, w.url+path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), options...)
}

func (w *world) do(method, target, contentType string, body io.Reader, options ...option) answer {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, target, body)
	require.NoError(w, err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for _, o := range options {
		o(r)
	}
	return w.send(r)
}

// form makes url.Values of name, value, name, value, …; a later value replaces an earlier one, "" removes it.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			values.Del(pairs[i])
			continue
		}
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

// authorization is a good authorization request of the client, changed by pairs.
func authorization(client string, pairs ...string) url.Values {
	return form(append([]string{
		"client_id", client, "response_type", "code", "redirect_uri", callback, "scope", "balance:read invoices:create",
		"login", "login", "password", "password",
	}, pairs...)...)
}

// code lets the user allow the client and returns the code.
func (w *world) code(client string, pairs ...string) string {
	w.Helper()
	a := w.post("/oauth/authorize", authorization(client, pairs...))
	require.Equal(w, http.StatusFound, a.StatusCode, a.text)
	location, err := a.Location()
	require.NoError(w, err)
	code := location.Query().Get("code")
	require.NotEmpty(w, code, location)
	return code
}

func redemption(code string, pairs ...string) url.Values {
	return form(append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", callback}, pairs...)...)
}

func refreshing(token string, pairs ...string) url.Values {
	return form(append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
}

// redeem exchanges the code as client app.
func (w *world) redeem(code string) answer {
	w.Helper()
	return w.post("/oauth/token", redemption(code), basic("app", appSecret))
}

// tokens are those of a fresh grant of app.
func (w *world) tokens(pairs ...string) answer {
	w.Helper()
	a := w.redeem(w.code("app", pairs...))
	require.Equal(w, http.StatusOK, a.StatusCode, a.text)
	return a
}

func (w *world) refresh(token string, pairs ...string) answer {
	w.Helper()
	return w.post("/oauth/token", refreshing(token, pairs...), basic("app", appSecret))
}

func (w *world) claims(token string) *keys.Claims {
	w.Helper()
	verifier := keys.Verifier{Issuer: w.url, Audience: w.url, Keys: w.keys, Now: w.clock.Now}
	claims, err := verifier.Verify([]byte(token))
	require.NoError(w, err)
	return claims
}

// denied is what a gateway would find out about the token.
func (w *world) denied(token string) error {
	w.Helper()
	claims := w.claims(token)
	return w.tell(w.Context(), denylist.Query{TokenID: claims.ID, GrantID: claims.GrantID, ClientID: claims.ClientID})
}

// tell asks the denylist, and again where Redis was too slow for the question: how long it takes is for the machine to say.
func (w *world) tell(ctx context.Context, q denylist.Query) error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := w.denylist.Check(ctx, q)
		var network net.Error
		if tooSlow := errors.As(err, &network) && network.Timeout(); !tooSlow || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (w *world) check(ctx context.Context, token string) error {
	return w.tell(ctx, denylist.Query{TokenID: token, ClientID: "app"})
}

func (w *world) requireDenied(token string) {
	w.Helper()
	require.ErrorIs(w, w.denied(token), denylist.ErrRevoked)
}

func (w *world) requireError(a answer, status int, code string) {
	w.Helper()
	require.Equal(w, status, a.StatusCode, a.text)
	require.Equal(w, code, a.str("error"), a.text)
	require.NotEmpty(w, a.str("error_description"))
	require.Equal(w, "no-store", a.Header.Get("Cache-Control"))
	require.Contains(w, a.Header.Get("Content-Type"), "application/json")
}

// userJWT is a token of the host application.
func (w *world) userJWT(claims map[string]any) string {
	w.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(w, err)
	token, err := jws.Sign(payload, jws.WithKey(jwa.HS256, []byte(jwtSecret)))
	require.NoError(w, err)
	return string(token)
}

func decodePart(t *testing.T, token string, part int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[part])
	require.NoError(t, err)
	decoded := map[string]any{}
	require.NoError(t, json.Unmarshal(raw, &decoded))
	return decoded
}

func second[T any](_ T, err error) error { return err }
