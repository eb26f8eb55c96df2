package gateway_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/keys"
)

func TestGoodTokenPasses(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL())}, options{})
	for _, scheme := range []string{"Bearer", "bearer", "BEARER", "bEaReR"} {
		a := s.do(raw("GET /balance", "Authorization: "+scheme+" "+s.token(nil)))
		require.Equal(t, 200, a.StatusCode)
		require.Equal(t, "ok", a.Body)
	}
	require.Equal(t, 200, s.do(raw("GET /balance", "authorization:\t"+"Bearer "+s.token(nil)+" ")).StatusCode)
	want := denylist.Query{TokenID: "token-1", GrantID: "grant-1", ClientID: "app", KeyID: s.key.ID()}
	require.Equal(t, []denylist.Query{want, want, want, want, want}, s.denylist.queries(), "asked on every request")
}

func TestTokensThatAreRefused(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL()),
		balance(upstream.URL(), public, path("/public")),
	}, options{})
	good := s.token(nil)
	stranger, err := keys.Generate(keys.ES256)
	require.NoError(t, err)
	forged, err := stranger.Sign(keys.TypeAccessToken, claims(nil))
	require.NoError(t, err)
	otherType, err := s.key.Sign("JWT", claims(nil))
	require.NoError(t, err)
	tail := good[strings.LastIndexByte(good, '.'):]

	for name, authorization := range map[string]string{
		"expired":             "Bearer " + s.token(map[string]any{"exp": now.Unix()}),
		"no exp":              "Bearer " + s.token(map[string]any{"exp": nil}),
		"no jti":              "Bearer " + s.token(map[string]any{"jti": nil}),
		"from the future":     "Bearer " + s.token(map[string]any{"iat": now.Add(time.Hour).Unix()}),
		"other issuer":        "Bearer " + s.token(map[string]any{"iss": "http://evil.example"}),
		"other audience":      "Bearer " + s.token(map[string]any{"aud": []string{"http://other.example"}}),
		"unknown key":         "Bearer " + forged,
		"other type":          "Bearer " + otherType,
		"alg none":            "Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0" + good[strings.IndexByte(good, '.'):strings.LastIndexByte(good, '.')] + ".",
		"no signature":        "Bearer " + strings.TrimSuffix(good, tail),
		"changed signature":   "Bearer " + strings.TrimSuffix(good, tail) + "." + strings.Repeat("A", len(tail)-1),
		"padded":              "Bearer " + good + "=",
		"garbage":             "Bearer garbage",
		"two spaces":          "Bearer  " + good,
		"tab":                 "Bearer\t" + good,
		"more after it":       "Bearer " + good + " x",
		"two tokens":          "Bearer " + good + ", Bearer " + good,
		"two tokens, bare":    "Bearer " + good + "," + good,
		"nothing":             "",
		"scheme alone":        "Bearer",
		"no scheme":           good,
		"other scheme":        "Basic dXNlcjpwYXNzd29yZA==",
		"other scheme, token": "Token " + good,
	} {
		for _, target := range []string{"/balance", "/public"} {
			t.Run(name+" "+target, func(t *testing.T) {
				a := s.do(raw("GET "+target, "Authorization: "+authorization))
				requireRefused(t, a, 401, "invalid_token")
				require.Regexp(t, `^Bearer realm="gatehouse"`, a.Header.Get("WWW-Authenticate"))
				require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
			})
		}
	}
	lately := denylist.Query{KeyID: denylist.AnyKey}
	require.Equal(t, []denylist.Query{lately, lately}, s.denylist.queries(), "a token that was not verified names nothing, not even its key")
	require.Empty(t, upstream.Requests())
	require.NotContains(t, s.log.String(), tail[1:])
}

func TestMissingTokenIsToldOnlyThatOneIsNeeded(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), methods("GET", "POST"))}, options{})
	for _, request := range []string{
		raw("GET /balance"),
		raw("GET /balance?access_token=" + s.token(nil)),
		raw("GET /balance", "X-Authorization: Bearer "+s.token(nil)),
		raw("GET /balance", "Authorization_: Bearer "+s.token(nil)),
		raw("GET /balance", "Proxy-Authorization: Bearer "+s.token(nil)),
		raw("GET /balance", "Cookie: access_token="+s.token(nil)),
		withBody("access_token="+s.token(nil), "POST /balance", "Content-Type: application/x-www-form-urlencoded"),
	} {
		a := s.do(request)
		requireRefused(t, a, 401, "invalid_token")
		require.Equal(t, `Bearer realm="gatehouse"`, a.Header.Get("WWW-Authenticate"), "RFC 6750 section 3.1: no error code")
	}
	require.Empty(t, upstream.Requests())
}

func TestRefusedTokensAreToldWhy(t *testing.T) {
	s := newSystem(t, []gateway.Route{balance("http://127.0.0.1:1")}, options{})
	expired := s.do(raw("GET /balance", bearer(s.token(map[string]any{"exp": now.Unix()}))))
	require.Equal(t, `Bearer realm="gatehouse", error="invalid_token", error_description="The access token has expired."`,
		expired.Header.Get("WWW-Authenticate"))

	a := s.do(raw("GET /balance", bearer(s.token(map[string]any{"scope": "balance:reader balance other"}))))
	requireRefused(t, a, 403, "insufficient_scope")
	require.Equal(t, `Bearer realm="gatehouse", error="insufficient_scope", scope="balance:read"`, a.Header.Get("WWW-Authenticate"))
	requireRefused(t, s.do(raw("GET /balance", bearer(s.token(map[string]any{"scope": nil})))), 403, "insufficient_scope")
}

func TestTokenIsCheckedBeforeTheScope(t *testing.T) {
	s := newSystem(t, []gateway.Route{balance("http://127.0.0.1:1")}, options{})
	s.denylist.set(denylist.ErrRevoked)
	requireRefused(t, s.do(raw("GET /balance", bearer(s.token(map[string]any{"scope": nil})))), 401, "invalid_token")
}

func TestDenylist(t *testing.T) {
	unknown := fmt.Errorf("%w: connection refused", denylist.ErrUnknown)
	for name, test := range map[string]struct {
		answer   error
		fallback string // of the gateway
		route    string
		status   int
	}{
		"not revoked":                    {nil, "", "", 200},
		"revoked":                        {denylist.ErrRevoked, "", "", 401},
		"revoked, allow":                 {denylist.ErrRevoked, "allow", "allow", 401},
		"unknown":                        {unknown, "", "", 503},
		"unknown, route denies":          {unknown, "allow", "deny", 503},
		"unknown, route allows":          {unknown, "deny", "allow", 200},
		"unknown, gateway allows":        {unknown, "allow", "", 200},
		"an error nobody knows":          {errors.New("?"), "", "", 503},
		"revoked as far as can be known": {fmt.Errorf("%w (%w)", denylist.ErrRevoked, denylist.ErrUnknown), "allow", "", 401},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answerAll)
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), func(r *gateway.Route) { r.OnUnavailable = test.route })},
				options{config: func(c *gateway.Config) { c.OnUnavailable = test.fallback }})
			s.denylist.set(test.answer)
			a := s.do(raw("GET /balance", bearer(s.token(nil))))
			switch test.status {
			case 200:
				require.Equal(t, 200, a.StatusCode)
				upstream.Only()
				return
			case 401:
				requireRefused(t, a, 401, "invalid_token")
				require.Contains(t, a.Header.Get("WWW-Authenticate"), `error="invalid_token"`)
			case 503:
				requireRefused(t, a, 503, "temporarily_unavailable")
				require.Equal(t, "1", a.Header.Get("Retry-After"))
				require.Empty(t, a.Header.Get("WWW-Authenticate"))
			}
			require.Empty(t, upstream.Requests())
		})
	}
}

// While the denylist is down every request would say so.
func TestDenylistThatCannotTellIsReportedOnceInAWhile(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL()),
		balance(upstream.URL(), path("/lenient"), func(r *gateway.Route) { r.OnUnavailable = gateway.Allow }),
	}, options{})
	s.denylist.set(denylist.ErrUnknown)
	for range 3 {
		require.Equal(t, 503, s.do(raw("GET /balance", bearer(s.token(nil)))).StatusCode)
		require.Equal(t, 200, s.do(raw("GET /lenient", bearer(s.token(nil)))).StatusCode)
	}
	require.Equal(t, 1, strings.Count(s.log.String(), "refused: cannot tell"))
	require.Equal(t, 1, strings.Count(s.log.String(), "forwarded without knowing"))
	require.Equal(t, 2, strings.Count(s.log.String(), "times=1"))
}

func TestPublicRoute(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), credential("headers"), func(r *gateway.Route) { r.Public = true })}, options{})
	require.Equal(t, 200, s.do(raw("GET /balance")).StatusCode)
	require.Empty(t, upstream.Only().Values("X-Gatehouse-Subject"))
	require.Empty(t, s.denylist.queries())

	require.Equal(t, 200, s.do(raw("GET /balance", bearer(s.token(nil)))).StatusCode)
	require.Equal(t, []string{"7"}, upstream.Requests()[1].Values("X-Gatehouse-Subject"))

	s.denylist.set(denylist.ErrRevoked)
	requireRefused(t, s.do(raw("GET /balance", bearer(s.token(nil)))), 401, "invalid_token")
	s.denylist.set(denylist.ErrUnknown)
	requireRefused(t, s.do(raw("GET /balance", bearer(s.token(nil)))), 503, "temporarily_unavailable")
	require.Equal(t, 200, s.do(raw("GET /balance")).StatusCode)
}

func TestHeadIsRefusedWithoutABody(t *testing.T) {
	s := newSystem(t, []gateway.Route{balance("http://127.0.0.1:1")}, options{})
	c := s.dial()
	c.Send(raw("HEAD /balance") + raw("GET /nowhere"))
	require.Equal(t, 401, c.Receive("HEAD").StatusCode)
	requireRefused(t, c.Receive("GET"), 404, "not_found")
}
