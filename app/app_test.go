package app_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/app/config"
	"gatehouse/denylist/denylisttest"
	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/registry/registrytest"
)

const (
	hostSecret   = "the secret of the host application"
	callback     = "http://localhost:9999/callback"
	startTimeout = gatewaytest.Patience
)

// running is a Gatehouse that serves on loopback, in front of an upstream that answers with what it was sent.
type running struct {
	t      testing.TB
	config config.Config
	app    *app.App
	public string
	admin  string
}

// testConfig names no database: start makes one.
func testConfig(upstream string) config.Config {
	cfg := config.Default()
	cfg.Listen, cfg.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.DatabaseURL, cfg.RedisURL = "", "embedded:"
	cfg.Denylist.MaxStaleness = time.Minute // the machine may stand still, which has tests of its own
	cfg.JWTSecret = hostSecret
	cfg.Keys.Secret = "0123456789abcdef0123456789abcdef"
	cfg.Routes = []gateway.Route{
		{
			Path: "/balance", Methods: []string{"GET"}, Origin: upstream, Scope: "balance:read", Description: "Read your balance.",
			Credential: "lndhub",
		},
		{
			Path: "/payments/bolt11", Methods: []string{"POST"}, Origin: upstream, Scope: "payments:send", Description: "Pay.",
			Credential: "headers",
		},
	}
	return cfg
}

// dial is a raw caller of the public listener.
func (r *running) dial() *gatewaytest.Caller {
	r.t.Helper()
	return gatewaytest.Dial(r.t, r.app.Addr().String())
}

// scopes is a request that needs no token.
const scopes = "GET /oauth/scopes HTTP/1.1\r\nHost: h\r\n\r\n"

// start waits until it is ready: before that Redis is asked for each request, for which a busy machine may be too slow.
func start(t testing.TB, cfg config.Config) *running {
	t.Helper()
	r := startRole(t, cfg, config.Both)
	r.awaitReady()
	return r
}

// startRole does not wait until it is ready.
func startRole(t testing.TB, cfg config.Config, role config.Role) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	if cfg.DatabaseURL == "" {
		cfg.DatabaseURL = sqliteFile(t)
	}
	gatehouse, err := app.New(ctx, cfg, app.Options{Role: role, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.NoError(t, gatehouse.Start(ctx))
	r := &running{
		t: t, config: cfg, app: gatehouse,
		public: "http://" + gatehouse.Addr().String(), admin: "http://" + gatehouse.AdminAddr().String(),
	}
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *running) awaitReady() {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		return r.do(http.MethodGet, r.admin+"/readyz", nil, nil).status == http.StatusOK
	}, startTimeout, 10*time.Millisecond)
}

// stop may be called twice: a test that restarts stops earlier than its clean-up does.
func (r *running) stop() {
	if r.app == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), startTimeout)
	defer cancel()
	require.NoError(r.t, r.app.Stop(ctx))
	r.app = nil
}

func echoUpstream(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"method": r.Method, "path": r.URL.RequestURI(), "header": r.Header, "body": string(body),
		})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var decoded map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &decoded), a.body)
	return decoded
}

func (r *running) do(method, target string, body io.Reader, header http.Header) answer {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, target, body)
	require.NoError(r.t, err)
	for name, values := range header {
		request.Header[name] = values
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	require.NoError(r.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(r.t, err)
	return answer{response.StatusCode, response.Header, string(text)}
}

func (r *running) form(path string, values url.Values, id, secret string) answer {
	r.t.Helper()
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if id != "" {
		request := &http.Request{Header: header}
		request.SetBasicAuth(id, secret)
	}
	return r.do(http.MethodPost, r.public+path, strings.NewReader(values.Encode()), header)
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func userJWT(t testing.TB, user int64) string {
	t.Helper()
	token, err := jwt.NewBuilder().Claim("id", user).Expiration(time.Now().Add(time.Hour)).Build()
	require.NoError(t, err)
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.HS256, []byte(hostSecret)))
	require.NoError(t, err)
	return string(signed)
}

type application struct{ id, secret string }

func (r *running) register() application {
	r.t.Helper()
	created := r.do(http.MethodPost, r.admin+"/admin/clients",
		strings.NewReader(`{"name":"Test","url":"http://localhost:9999","domain":"http://localhost:9999"}`),
		http.Header{"Content-Type": {"application/json"}})
	require.Equal(r.t, http.StatusOK, created.status, created.body)
	fields := created.json(r.t)
	return application{fields["clientId"].(string), fields["clientSecret"].(string)}
}

type tokens struct{ access, refresh string }

func (r *running) consent(a application, user int64, scope string) tokens {
	r.t.Helper()
	authorize := url.Values{
		"client_id": {a.id}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {scope},
	}
	allowed := r.do(http.MethodPost, r.public+"/oauth/authorize?"+authorize.Encode(), nil, bearer(userJWT(r.t, user)))
	require.Equal(r.t, http.StatusFound, allowed.status, allowed.body)
	location, err := url.Parse(allowed.header.Get("Location"))
	require.NoError(r.t, err)
	return r.exchange(a, url.Values{
		"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")}, "redirect_uri": {callback},
	})
}

func (r *running) exchange(a application, values url.Values) tokens {
	r.t.Helper()
	issued := r.form("/oauth/token", values, a.id, a.secret)
	require.Equal(r.t, http.StatusOK, issued.status, issued.body)
	fields := issued.json(r.t)
	return tokens{fields["access_token"].(string), fields["refresh_token"].(string)}
}

func (r *running) balance(token string) answer {
	r.t.Helper()
	return r.do(http.MethodGet, r.public+"/balance", nil, bearer(token))
}

// settled is balance for where Redis is asked for each request: a busy machine may be too slow for that, and is asked again.
func (r *running) settled(token string) answer {
	r.t.Helper()
	deadline := time.Now().Add(startTimeout)
	a := r.balance(token)
	for a.status == http.StatusServiceUnavailable && time.Now().Before(deadline) {
		a = r.balance(token)
	}
	return a
}

// migrated has the tables of today, so that only tests of empty databases wait for Migrate.
var migrated = registrytest.NewTemplate(func(ctx context.Context, url string) error {
	return app.Migrate(ctx, config.Config{DatabaseURL: config.SecretURL(url)}, func(string) {})
})

// sqliteFile is a database with nothing but its tables. It survives the process that uses it.
func sqliteFile(t testing.TB) config.SecretURL {
	t.Helper()
	return config.SecretURL(migrated.Copy(t))
}

// forEachBackend runs a test on what needs nothing, and on Postgres and Redis where the tests have them.
func forEachBackend(t *testing.T, test func(t *testing.T, cfg config.Config)) {
	t.Run("sqlite and embedded", func(t *testing.T) {
		cfg := testConfig(echoUpstream(t))
		cfg.DatabaseURL = sqliteFile(t)
		test(t, cfg)
	})
	t.Run("postgres and redis", func(t *testing.T) {
		cfg := testConfig(echoUpstream(t))
		cfg.DatabaseURL, cfg.RedisURL = privateDatabase(t), privateRedis(t)
		test(t, cfg)
	})
	t.Run("postgres with one connection", func(t *testing.T) {
		cfg := testConfig(echoUpstream(t))
		cfg.DatabaseURL, cfg.RedisURL = privateDatabase(t), privateRedis(t)
		cfg.DatabaseMaxConns = 1
		test(t, cfg)
	})
}

// privateDatabase is a new database on the tests' Postgres.
func privateDatabase(t *testing.T) config.SecretURL {
	t.Helper()
	return config.SecretURL(registrytest.PostgresDatabase(t))
}

// privateRedis is a database of the tests' Redis that holds nothing yet.
func privateRedis(t *testing.T) config.SecretURL {
	t.Helper()
	return config.SecretURL(denylisttest.Redis(t, denylisttest.App))
}

func TestAccessIsGivenUsedAndTakenBack(t *testing.T) {
	forEachBackend(t, func(t *testing.T, cfg config.Config) {
		r := start(t, cfg)
		a := r.register()
		given := r.consent(a, 12345, "balance:read")

		forwarded := r.balance(given.access)
		require.Equal(t, http.StatusOK, forwarded.status, forwarded.body)
		seen := forwarded.json(t)["header"].(map[string]any)["Authorization"].([]any)[0].(string)
		require.NotContains(t, seen, given.access, "the upstream gets a credential of its own")
		credential, err := jwt.Parse([]byte(strings.TrimPrefix(seen, "Bearer ")), jwt.WithKey(jwa.HS256, []byte(hostSecret)))
		require.NoError(t, err)
		require.EqualValues(t, 12345, credential.PrivateClaims()["id"])

		beyond := r.do(http.MethodPost, r.public+"/payments/bolt11", strings.NewReader("{}"), bearer(given.access))
		require.Equal(t, http.StatusForbidden, beyond.status)
		require.Equal(t, "insufficient_scope", beyond.json(t)["error"])

		refreshed := r.exchange(a, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {given.refresh}})
		require.Equal(t, http.StatusOK, r.balance(refreshed.access).status)

		revoked := r.form("/oauth/revoke", url.Values{"token": {refreshed.refresh}}, a.id, a.secret)
		require.Equal(t, http.StatusOK, revoked.status, revoked.body)
		for _, token := range []string{given.access, refreshed.access} {
			refused := r.balance(token)
			require.Equal(t, http.StatusUnauthorized, refused.status, "every access token of the grant is refused")
			require.Equal(t, "invalid_token", refused.json(t)["error"])
		}
		again := r.form("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshed.refresh}}, a.id, a.secret)
		require.Equal(t, http.StatusBadRequest, again.status)
		require.Equal(t, "invalid_grant", again.json(t)["error"])
	})
}

func TestARestartForgetsNothing(t *testing.T) {
	forEachBackend(t, func(t *testing.T, cfg config.Config) {
		before := start(t, cfg)
		a := before.register()
		kept, revoked := before.consent(a, 1, "balance:read"), before.consent(a, 2, "balance:read")
		disconnected := before.do(http.MethodDelete, before.public+"/clients/"+a.id, nil, bearer(userJWT(t, 2)))
		require.Equal(t, http.StatusNoContent, disconnected.status, disconnected.body)
		before.stop()

		// With the embedded Redis this is also the loss of all of Redis.
		after := start(t, cfg)
		require.Equal(t, http.StatusOK, after.balance(kept.access).status, "the signing key is the same")
		require.Equal(t, http.StatusUnauthorized, after.balance(revoked.access).status, "the revocation is still known")
		after.exchange(a, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {kept.refresh}})
	})
}

func TestAWrongKeysSecretIsRefusedAndChangesNothing(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.DatabaseURL = sqliteFile(t)
	before := start(t, cfg)
	given := before.consent(before.register(), 1, "balance:read")
	before.stop()

	wrong := cfg
	wrong.Keys.Secret = "another secret of at least 32 characters"
	_, err := app.New(t.Context(), wrong, app.Options{Log: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "cannot be opened with this keys.secret (it is sealed with another secret, or was altered); nothing was changed: set keys.secret to")
	require.NotContains(t, err.Error(), "jwe")
	require.NotContains(t, err.Error(), "decrypt")

	require.Equal(t, http.StatusOK, start(t, cfg).balance(given.access).status)
}

func TestADenylistThatLosesEverythingIsFilledAgain(t *testing.T) {
	for _, mode := range []string{config.Strict, config.Mirror} {
		t.Run(mode, func(t *testing.T) {
			cfg := testConfig(echoUpstream(t))
			cfg.RedisURL, cfg.Denylist.Mode = privateRedis(t), mode
			r := start(t, cfg)
			a := r.register()
			kept, revoked := r.consent(a, 1, "balance:read").access, r.consent(a, 2, "balance:read").access
			taken := r.form("/oauth/revoke", url.Values{"token": {revoked}}, a.id, a.secret)
			require.Equal(t, http.StatusOK, taken.status)
			require.Equal(t, http.StatusUnauthorized, r.settled(revoked).status, "a revocation holds before its caller is answered")

			privateRedis(t) // empties it
			require.Eventually(t, func() bool {
				require.NotEqual(t, http.StatusOK, r.balance(revoked).status, "not even now may it pass")
				valid := r.balance(kept)
				require.NotEqual(t, http.StatusUnauthorized, valid.status, "a client would throw its refresh token away")
				if valid.status == http.StatusServiceUnavailable {
					require.NotEmpty(t, valid.header.Get("Retry-After"))
				}
				return valid.status == http.StatusOK && r.balance(revoked).status == http.StatusUnauthorized
			}, startTimeout, 20*time.Millisecond)
		})
	}
}

func TestABodyIsForwardedAsItWasSent(t *testing.T) {
	r := start(t, testConfig(echoUpstream(t)))
	token := r.consent(r.register(), 1, "payments:send").access
	for contentType, body := range map[string]string{
		"application/json":                  "{ \"amount\" : 1 }\n",
		"multipart/form-data; boundary=b":   "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\nepilogue",
		"application/x-www-form-urlencoded": "b=2&a=1&a=%31",
	} {
		header := bearer(token)
		header.Set("Content-Type", contentType)
		echoed := r.do(http.MethodPost, r.public+"/payments/bolt11", strings.NewReader(body), header)
		require.Equal(t, http.StatusOK, echoed.status, echoed.body)
		require.Equal(t, body, echoed.json(t)["body"], contentType)
	}
}

func TestTheAdminAPIIsNotOnThePublicListener(t *testing.T) {
	r := start(t, testConfig(echoUpstream(t)))
	require.Equal(t, http.StatusNotFound, r.do(http.MethodGet, r.public+"/admin/clients", nil, nil).status)
	require.Equal(t, http.StatusOK, r.do(http.MethodGet, r.admin+"/admin/clients", nil, nil).status)
	require.Equal(t, http.StatusOK, r.do(http.MethodGet, r.admin+"/healthz", nil, nil).status)

	cfg := testConfig(echoUpstream(t))
	cfg.Admin.Token = "the token of the administrators of this test"
	guarded := start(t, cfg)
	require.Equal(t, http.StatusUnauthorized, guarded.do(http.MethodGet, guarded.admin+"/admin/clients", nil, nil).status)
	require.Equal(t, http.StatusUnauthorized, guarded.do(http.MethodGet, guarded.admin+"/admin/clients", nil, bearer("wrong")).status)
	require.Equal(t, http.StatusOK, guarded.do(http.MethodGet, guarded.admin+"/admin/clients", nil, bearer("the token of the administrators of this test")).status)
}

func TestAmbiguousRequestsAreRefusedBeforeAnyEndpoint(t *testing.T) {
	r := start(t, testConfig(echoUpstream(t)))
	for _, target := range []string{
		"/oauth/../balance", "/oauth//token", "/oauth%2ftoken", "/oauth/%2e%2e/balance", "//oauth/token", "/oauth/token;x",
		"/clients\\x", "/oauth/tok%00en", "http://localhost/oauth/token", "*",
	} {
		t.Run(target, func(t *testing.T) {
			c := r.dial()
			c.Send(gatewaytest.Raw("POST "+target, "Content-Length: 0", "Connection: close"))
			text, err := io.ReadAll(c.Reader)
			require.NoError(t, err)
			require.Contains(t, string(text), "HTTP/1.1 400 ")
			require.Contains(t, string(text), `"error":"invalid_request"`)
		})
	}
}

func TestAPortThatIsTakenIsAnError(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, which := range []string{"public", "admin"} {
		cfg := testConfig(echoUpstream(t))
		cfg.DatabaseURL = sqliteFile(t)
		if which == "public" {
			cfg.Listen = taken.Addr().String()
		} else {
			cfg.Admin.Listen = taken.Addr().String()
		}
		gatehouse, err := app.New(t.Context(), cfg, app.Options{Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		require.ErrorContains(t, gatehouse.Start(t.Context()), "address already in use")
		require.NoError(t, gatehouse.Stop(t.Context()))
	}
}

func TestAMethodThatNobodyHasIsToldWhichThereAre(t *testing.T) {
	r := start(t, testConfig(echoUpstream(t)))
	for path, allow := range map[string]string{
		"/oauth/token": "POST", "/clients/id": "DELETE", "/oauth/scopes": "GET, HEAD", "/balance": "GET, HEAD",
	} {
		for _, method := range []string{"BREW", "TRACE", "PATCH"} {
			a := r.do(method, r.public+path, strings.NewReader("a=b"), nil)
			require.Equal(t, http.StatusMethodNotAllowed, a.status, "%s %s: %s", method, path, a.body)
			require.Equal(t, allow, a.header.Get("Allow"), "RFC 9110 section 15.5.6")
			require.Equal(t, "method_not_allowed", a.json(t)["error"])
		}
	}
	for _, path := range []string{"/oauth/nothing", "/OAUTH/token", "/.well-known", "/nothing"} {
		require.Equal(t, http.StatusNotFound, r.do("BREW", r.public+path, nil, nil).status, path)
	}
}
