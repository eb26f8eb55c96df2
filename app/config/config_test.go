package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"gatehouse/app/config"
)

// environment is what os.Environ would return.
func environment(values map[string]string) (environ []string) {
	for name, value := range values {
		environ = append(environ, name+"="+value)
	}
	return environ
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

const validYAML = `
database_url: "sqlite::memory:"
redis_url: "embedded:"
jwt_secret: host-secret
keys: {secret: 0123456789abcdef0123456789abcdef}
routes:
  - {path: /balance, methods: [GET], origin: "http://localhost:3000/v2", scope: "balance:read", description: Read, credential: lndhub}
`

func TestTheFileInTheRepositoryNeedsOnlyItsSecrets(t *testing.T) {
	_, err := config.Load("../../config.yaml", config.Both, environment(nil))
	require.ErrorContains(t, err, "jwt_secret")
	require.ErrorContains(t, err, "keys.secret")
	require.Len(t, problems(err), 2)

	cfg, err := config.Load("../../config.yaml", config.Both, environment(map[string]string{
		"JWT_SECRET": "host-secret", "GATEHOUSE_KEYS_SECRET": strings.Repeat("s", 32),
	}))
	require.NoError(t, err)
	want := config.Default()
	want.JWTSecret, want.Keys.Secret = cfg.JWTSecret, cfg.Keys.Secret
	want.Routes, want.Scopes, want.TrustedProxies, want.TrustedProxyHeaders = cfg.Routes, cfg.Scopes, cfg.TrustedProxies, []string{}
	want.TrustedOrigins, want.DPoP.URLs = []string{}, []string{}
	want.Clients.Documents.Hosts, want.Clients.Documents.RefusedHosts, want.Clients.Documents.AllowNetworks = []string{}, []string{}, []string{}
	want.Clients.Registration.Scopes = []string{}
	want.Clients.Keys.AllowNetworks = []string{}
	want.CORS.Origins, want.CORS.Headers, want.CORS.ExposedHeaders = []string{}, []string{}, []string{}
	require.Equal(t, want, cfg, "the file says that its values are the defaults")
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	path := writeFile(t, "config.yaml", `
listen: nowhere
issuer: ftp://example.com/
no_such_key: 1
admin: {listen: "0.0.0.0:8082"}
database_url: mysql://localhost/x
redis_url: http://localhost
keys: {alg: HS256, secret: short}
access_token: {lifespan: 10s, max_lifespan: 5s, color: red}
refresh_token: {lifespan: 5s, grace: 25h}
denylist: {mode: sometimes, on_unavailable: maybe, timeout: 10us}
revocation: {wait: 1m}
trusted_proxies: [everyone]
routes:
  - {path: no-slash, methods: [FETCH], origin: "gopher://x", credential: magic}
`)
	_, err := config.Load(path, config.Both, environment(map[string]string{"PORT": "http", "GATEHOUSE_DENYLIST_MAX_STALENESS": "soon"}))
	require.Error(t, err)
	for _, part := range []string{
		"listen: must be", "issuer: must be", "issuer: must not end", "unknown key no_such_key", "unknown key color",
		"admin.token: is required", "database_url:", "redis_url:", "jwt_secret: is required", "keys.alg:", "keys.secret:",
		"access_token.lifespan: must not exceed", "refresh_token.grace:", "denylist.mode:", "denylist.on_unavailable:",
		"denylist.timeout: must be 1ms to 5s", "revocation.wait: must be 0s to 5s", "trusted_proxies:", "no-slash", "FETCH", "origin", "magic",
		"environment PORT:", "environment GATEHOUSE_DENYLIST_MAX_STALENESS:",
	} {
		require.ErrorContains(t, err, part)
	}
	for _, problem := range problems(err) {
		require.NotContains(t, problem, "\n", "one line a problem")
		require.NotRegexp(t, `config\.[A-Z]`, problem, "the reader knows keys, not Go types")
	}
}

func TestOfAFileThatCannotBeReadNothingElseIsReported(t *testing.T) {
	for name, path := range map[string]string{
		"syntax":  writeFile(t, "config.yaml", "listen: nowhere\nroutes: [\n"),
		"no file": filepath.Join(t.TempDir(), "missing.yaml"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(path, config.Both, nil)
			require.Len(t, problems(err), 1, "%s", err)
			require.ErrorContains(t, err, path)
			_, err = config.LoadForOperator(path, config.Needs{Redis: true, Keys: true, Routes: true}, nil)
			require.Len(t, problems(err), 1, "%s", err)
			_, err = config.Load(path, config.Both, environment(map[string]string{"GATEHOUSE_LISTENS": ":1", "PORT": "http"}))
			require.Len(t, problems(err), 3, "the environment is not the file's: %s", err)
		})
	}
}

func TestTenMistakesAreTenProblems(t *testing.T) {
	_, err := config.Load(writeFile(t, "config.yaml", validYAML+`
listen: nowhere
database_max_conns: 1.5
no_such_key: 1
access_token: {lifespan: fast}
denylist: {mode: sometimes, on_unavailable: maybe}
limits: {header_count: 0, body_size: 1.5}
log: {level: loud}
`), config.Both, environment(map[string]string{"GATEHOUSE_CORS_MAX_AGE": "soon"}))
	require.Len(t, problems(err), 10, "%s", err)
}

func problems(err error) []string {
	return strings.Split(err.Error(), "\n")
}

func TestEachMistakeIsFound(t *testing.T) {
	for name, test := range map[string]struct{ yaml, want string }{
		"no file":                   {"", "configuration file"},
		"not YAML":                  {"a: [", "config.yaml"},
		"a key twice":               {"listen: a:1\nlisten: a:2", "already defined"},
		"a word for a duration":     {"access_token: {lifespan: fast}", "line 1: want a duration such as 2h or 10s"},
		"a number for a duration":   {"access_token: {lifespan: 3600}", "line 1: want a duration such as 2h or 10s"},
		"a word for a number":       {"database_max_conns: many", "line 1: want a whole number"},
		"a word for a section":      {"keys: hunter2", "line 1: there is a value of another kind than this key has"},
		"half a second":             {"access_token: {lifespan: 1500ms}", "access_token.lifespan"},
		"no time at all":            {"refresh_token: {lifespan: 0s}", "refresh_token.lifespan"},
		"issuer with a query":       {"issuer: https://a.example/?x=1", "issuer"},
		"issuer with a password":    {"issuer: https://u:p@a.example", "issuer"},
		"admin open to the network": {"admin: {listen: ':8082'}", "admin.token"},
		"admin on a private net":    {"admin: {listen: '10.0.0.1:8082'}", "admin.token"},
		"no targets":                {"targets_file: /no/such/file.json", "targets_file"},
		"a port that is none":       {"listen: 127.0.0.1:99999", "listen: must be"},
		"a named port":              {"admin: {listen: '127.0.0.1:http'}", "admin.listen: must be"},
		"two documents":             {"listen: a:1\n---\nlisten: a:2", "second document"},
		"keys that sign too early":  {"keys: {publish_ahead: 6m}", "keys.publish_ahead"},
		"clocks that take the rest": {"{clock_leeway: 60s, keys: {publish_ahead: 7m}}", "keys.publish_ahead"},
		"a JWKS that is read late":  {"keys: {jwks_refresh: 5m}", "keys.publish_ahead"},
		"a JWKS read all the time":  {"keys: {jwks_refresh: 0s}", "keys.jwks_refresh"},
		"half a second of caching":  {"keys: {jwks_max_age: 500ms}", "keys.jwks_max_age"},
		"keys that hardly sign":     {"keys: {rotate_every: 7m}", "keys.rotate_every"},
		"keys that never sign":      {"keys: {rotate_every: 0s, publish_ahead: -1h}", "keys.rotate_every"},
		"too many keys at a time":   {"keys: {rotate_every: 87h}", "more than 100 keys"},
		"a clock that is far off":   {"clock_leeway: 1h", "clock_leeway"},
		"the second of two proxies": {"trusted_proxies: [a, b]", `"b" is neither`},
		"a certificate without key": {"tls: {cert_file: /cert.pem}", "tls: needs both"},
		"no such certificate":       {"tls: {cert_file: /no/cert.pem, key_file: /no/key.pem}", "tls: open /no/cert.pem"},
		"hardly any header":         {"limits: {header_size: 100}", "limits.header_size: must be 1024 to"},
		"a header without an end":   {"limits: {header_size: 1000000000}", "limits.header_size"},
		"no header":                 {"limits: {header_count: 0}", "limits.header_count"},
		"no body":                   {"limits: {body_size: 0}", "limits.body_size"},
		"fewer than no connections": {"limits: {connections: -1}", "limits.connections"},
		"fewer than none of one":    {"limits: {connections_per_address: -1}", "limits.connections_per_address"},
		"no time for a header":      {"timeouts: {header: 0s}", "timeouts.header"},
		"no time for a body":        {"timeouts: {body: -1s}", "timeouts.body"},
		"no time to take an answer": {"timeouts: {write: 0s}", "timeouts.write"},
		"no time between requests":  {"timeouts: {idle: 0s}", "timeouts.idle"},
		"an origin with a path":     {"cors: {origins: ['https://app.example/x']}", "cors: the origin"},
		"an origin with a slash":    {"cors: {origins: ['https://app.example/']}", "cors: the origin"},
		"an origin without scheme":  {"cors: {origins: [app.example]}", "cors: the origin"},
		"an origin in capitals":     {"cors: {origins: ['https://App.example']}", "cors: the origin"},
		"an origin with its port":   {"cors: {origins: ['https://app.example:443']}", "cors: the origin"},
		"an origin with a user":     {"cors: {origins: ['https://user@app.example']}", "cors: the origin"},
		"the origin null":           {"cors: {origins: ['null']}", "cors: the origin"},
		"a pattern of origins":      {"cors: {origins: ['https://*.example']}", "cors: the origin"},
		"any origin and another":    {"cors: {origins: ['*', 'https://app.example']}", `cors: the origin "*"`},
		"a header that is none":     {"cors: {headers: ['a b']}", "cors:"},
		"any header":                {"cors: {exposed_headers: ['*']}", "cors:"},
		"part of a second":          {"cors: {max_age: 1500ms}", "cors: max_age"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "missing.yaml")
			if test.yaml != "" {
				path = writeFile(t, "config.yaml", test.yaml)
			}
			_, err := config.Load(path, config.Both, environment(nil))
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "hunter2", "a secret may be in the wrong place")
		})
	}
}

func TestTheEnvironmentChangesTheFile(t *testing.T) {
	path := writeFile(t, "config.yaml", validYAML)
	cfg, err := config.Load(path, config.Both, environment(map[string]string{
		"GATEHOUSE_ADMIN_TOKEN":               "let-me-in",
		"GATEHOUSE_ADMIN_LISTEN":              "0.0.0.0:9000",
		"GATEHOUSE_ACCESS_TOKEN_MAX_LIFESPAN": "48h",
		"GATEHOUSE_DATABASE_MIGRATE":          "false",
		"GATEHOUSE_TRUSTED_PROXIES":           "10.0.0.0/8, 192.0.2.1",
		"GATEHOUSE_JWT_SECRET":                "from-the-environment",
		"JWT_SECRET":                          "from-oauth2server",
	}))
	require.NoError(t, err)
	require.Equal(t, "let-me-in", cfg.Admin.Token.Reveal())
	require.Equal(t, "0.0.0.0:9000", cfg.Admin.Listen)
	require.Equal(t, 48*time.Hour, cfg.AccessToken.MaxLifespan)
	require.False(t, cfg.DatabaseMigrate)
	require.Equal(t, []string{"10.0.0.0/8", "192.0.2.1"}, cfg.TrustedProxies)
	require.Equal(t, "from-the-environment", cfg.JWTSecret.Reveal(), "the project's own name wins")
	require.Len(t, cfg.Routes, 1)
}

func TestAMisspeltVariableIsRefused(t *testing.T) {
	path := writeFile(t, "config.yaml", validYAML)
	_, err := config.Load(path, config.Both, environment(map[string]string{
		"GATEHOUSE_ADMIN_TOKN": "secret", "GATEHOUSE_DENYLIST_ON_UNAVAILABLE_": "allow", "GATEHOUSE_ROUTES": "[]", "GATEHOUSE_PORT": "8081",
		"GATEHOUSE": "", "JWT_SECRETS": "those of others",
	}))
	require.Equal(t, []string{
		"environment GATEHOUSE_ADMIN_TOKN: there is no such key; did you mean GATEHOUSE_ADMIN_TOKEN?",
		"environment GATEHOUSE_DENYLIST_ON_UNAVAILABLE_: there is no such key; did you mean GATEHOUSE_DENYLIST_ON_UNAVAILABLE?",
		"environment GATEHOUSE_PORT: there is no such key",
		"environment GATEHOUSE_ROUTES: there is no such key",
	}, problems(err))
	_, err = config.LoadForOperator(path, config.Needs{}, environment(map[string]string{"GATEHOUSE_DATABASE_URI": "sqlite:x.db"}))
	require.ErrorContains(t, err, "environment GATEHOUSE_DATABASE_URI: there is no such key")

	_, err = config.Load(path, config.Both, environment(map[string]string{
		"GATEHOUSE_CONFIG": path, "GATEHOUSE_PORT": "tcp://10.0.0.1:8081", "GATEHOUSE_SERVICE_HOST": "10.0.0.1",
		"GATEHOUSE_SERVICE_PORT": "8081", "GATEHOUSE_SERVICE_PORT_HTTP": "8081", "GATEHOUSE_PORT_8081_TCP": "tcp://10.0.0.1:8081",
		"GATEHOUSE_PORT_8081_TCP_PROTO": "tcp", "GATEHOUSE_PORT_8081_TCP_PORT": "8081", "GATEHOUSE_PORT_8081_TCP_ADDR": "10.0.0.1",
		"GATEHOUSE_AUTHZ_SERVICE_HOST": "10.0.0.2", "GATEHOUSE_AUTHZ_PORT": "tcp://10.0.0.2:80",
	}))
	require.NoError(t, err, "Kubernetes tells each container of the Services beside it")
}

func TestTheEnvironmentOfOauth2serverKeepsWorking(t *testing.T) {
	targets := writeFile(t, "targets.json", `[
		{"matchRoute": "/balance", "origin": "http://localhost:3000", "description": "Read your balance.", "scope": "balance:read", "method": "GET"},
		{"matchRoute": "/invoices/{payment_hash}", "origin": "http://localhost:3000/v2", "description": "Create.", "scope": "invoices:create", "method": "GET"}
	]`)
	cfg, err := config.Load("", config.Both, environment(map[string]string{
		"PORT": "9999", "JWT_SECRET": "SUPERSECRET", "DATABASE_URI": "postgres://u:p@db/alby", "LNDHUB_URL": "http://lndhub:3000",
		"TARGET_FILE": targets, "ACCESS_EXPIRY_SECONDS": "60", "REFRESH_EXPIRY_SECONDS": "3600",
		"GATEHOUSE_KEYS_SECRET": strings.Repeat("s", 32),
	}))
	require.NoError(t, err)
	require.Equal(t, ":9999", cfg.Listen)
	require.Equal(t, "SUPERSECRET", cfg.JWTSecret.Reveal())
	require.Equal(t, "postgres://u:p@db/alby", cfg.DatabaseURL.Reveal())
	require.Equal(t, "http://lndhub:3000", cfg.LNDHubURL)
	require.Equal(t, time.Minute, cfg.AccessToken.Lifespan)
	require.Equal(t, time.Hour, cfg.RefreshToken.Lifespan)
	require.Len(t, cfg.Routes, 2)
	require.Equal(t, "/invoices/{payment_hash}", cfg.Routes[1].Path)
}

func TestATargetsFileIsReadAsOauth2serverReadIt(t *testing.T) {
	load := func(targets string) (config.Config, error) {
		return config.Load(writeFile(t, "config.yaml", validYAML), config.Both, environment(map[string]string{
			"TARGET_FILE": writeFile(t, "targets.json", targets),
		}))
	}
	cfg, err := load(`[
		{"matchRoute": "/i/{payment-hash:[0-9a-f]{64}}", "origin": "http://old:3000", "scope": "a", "method": "get", "note": "x"},
		{"matchRoute": "/files/{rest:.*}", "origin": "http://old:3000", "scope": "b", "method": "Post"},
		{"matchRoute": "/dead", "origin": "http://old:3000", "scope": "c"}
	]`)
	require.NoError(t, err)
	require.Len(t, cfg.Routes, 4)
	require.Equal(t, "/i/{payment_hash:[0-9a-f]{64}}", cfg.Routes[1].Path)
	require.Len(t, cfg.TargetsNotes, 2)
	require.Regexp(t, `^targets_file .*targets.json: target 1 \(get /i/\{payment-hash:\[0-9a-f\]\{64\}\}\) has the unknown field "note"`, cfg.TargetsNotes[0])
	require.Contains(t, cfg.TargetsNotes[1], "target 3 (/dead) has no method")
	require.Subset(t, cfg.Warnings(config.Both), cfg.TargetsNotes)

	_, err = load(`[
		{"matchRoute": "/a", "origin": "http://old:3000", "scope": "a", "method": "GET,POST"},
		{"matchRoute": "/b/{id:^x$}", "origin": "http://old:3000", "scope": "b", "method": "GET"},
		{"matchRoute": "/oauth/{rest:.*}", "origin": "http://old:3000", "scope": "b", "method": "GET"}
	]`)
	require.ErrorContains(t, err, `(GET,POST /a): unknown method "GET,POST"`)
	require.ErrorContains(t, err, `(GET /b/{id:^x$}): bad path`)
	require.ErrorContains(t, err, `leave out ^ and $`)
	require.ErrorContains(t, err, `(GET /oauth/{rest:.*}): path "/oauth/{rest:.*}" is reserved`)
	_, err = load(`[{"matchRoute": 1}, {"allowPublicAccess": "yes"}]`)
	require.ErrorContains(t, err, "target 1: matchRoute: want a text")
	require.ErrorContains(t, err, "target 2: allowPublicAccess: want true or false")
}

func TestARouteCanMoveOutOfATargetsFile(t *testing.T) {
	targets := writeFile(t, "targets.json", `[
		{"matchRoute": "/balance", "origin": "http://old:3000", "description": "Old.", "scope": "balance:read", "method": "GET"},
		{"matchRoute": "/balance", "origin": "http://old:3000", "description": "Old.", "scope": "balance:write", "method": "POST"}
	]`)
	path := writeFile(t, "config.yaml", validYAML)
	cfg, err := config.Load(path, config.Both, environment(map[string]string{"TARGET_FILE": targets}))
	require.NoError(t, err)
	require.Len(t, cfg.Routes, 2)
	require.Equal(t, "http://localhost:3000/v2", cfg.Routes[0].Origin, "the one in the configuration takes its place")
	require.Equal(t, []string{"POST"}, cfg.Routes[1].Methods)
}

func TestAPasswordInAURLThatIsRefusedIsNotPrinted(t *testing.T) {
	for _, name := range []string{"GATEHOUSE_LNDHUB_URL", "GATEHOUSE_KEYS_JWKS_URL", "GATEHOUSE_ISSUER", "GATEHOUSE_DATABASE_URL", "GATEHOUSE_REDIS_URL"} {
		for _, url := range []string{"http://user:hunter2@host:1x", "ftp://user:hunter2@host", "://user:hunter2@host"} {
			_, err := config.Load("", config.Both, environment(map[string]string{name: url}))
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hunter2", "%s %s", name, url)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	path := writeFile(t, "config.yaml", validYAML)
	cfg, err := config.Load(path, config.Both, environment(map[string]string{
		"GATEHOUSE_JWT_SECRET": "hunter2-jwt", "GATEHOUSE_ADMIN_TOKEN": "hunter2-admin",
		"GATEHOUSE_KEYS_SECRET":  "hunter2-keys-0123456789abcdef0123456789",
		"GATEHOUSE_DATABASE_URL": "postgres://user:hunter2-db@localhost/x",
		"GATEHOUSE_REDIS_URL":    "redis://:hunter2-redis@localhost:6379/0",
	}))
	require.NoError(t, err)

	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("configuration", "config", cfg, "admin", cfg.Admin.Token)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("configuration", "config", cfg, "db", cfg.DatabaseURL)
	asJSON, err := json.Marshal(cfg)
	require.NoError(t, err)
	asYAML, err := yaml.Marshal(cfg)
	require.NoError(t, err)
	for _, printed := range []string{
		fmt.Sprint(cfg), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", cfg), fmt.Sprintf("%s %q", cfg.JWTSecret, cfg.JWTSecret),
		string(asJSON), string(asYAML), logged.String(),
	} {
		require.NotContains(t, printed, "hunter2")
	}
}
