package config_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

// ofOauth2server is an environment with which oauth2server starts, changed by pairs.
func ofOauth2server(pairs ...string) []string {
	values := map[string]string{"JWT_SECRET": "12345", "DATABASE_URI": "postgres://u:p@db/oauth", "LNDHUB_URL": "http://lndhub:3000"}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	maps.DeleteFunc(values, func(_, value string) bool { return value == "" })
	return environment(values)
}

const oneTarget = `[{"matchRoute": "/balance", "origin": "http://localhost:3000", "description": "Read.", "scope": "balance:read", "method": "GET"}]`

func TestTheEnvironmentOfOauth2serverAloneLacksOnlyASecret(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := config.Load("", config.Both, ofOauth2server())
	require.ElementsMatch(t, []string{"keys.secret", "targets_file", "routes"}, keysNamed(problems(err)))
	require.ErrorContains(t, err, "targets.json", "which oauth2server read where it ran")

	t.Chdir(directoryWith(t, "targets.json", oneTarget))
	_, err = config.Load("", config.Both, ofOauth2server())
	require.Equal(t, []string{"keys.secret"}, keysNamed(problems(err)))

	cfg, err := config.Load("", config.Both, ofOauth2server("GATEHOUSE_KEYS_SECRET", strings.Repeat("s", 32)))
	require.NoError(t, err)
	require.Equal(t, ":8081", cfg.Listen, "all interfaces, at the port that oauth2server had")
	require.Len(t, cfg.Routes, 1)
	require.Equal(t, config.IgnoreFields, cfg.Admin.UnknownFields)
}

func TestWhatIsLeftToDecideIsSaid(t *testing.T) {
	t.Chdir(directoryWith(t, "targets.json", oneTarget))
	warnings := func(pairs ...string) string {
		t.Helper()
		environ := ofOauth2server(append([]string{"GATEHOUSE_KEYS_SECRET", strings.Repeat("s", 32)}, pairs...)...)
		cfg, err := config.Load("", config.Both, environ)
		require.NoError(t, err)
		require.Equal(t, cfg.Warnings(config.Both), cfg.Warnings(config.AuthzOnly))
		all := strings.Join(cfg.Warnings(config.Both), "\n")
		require.NotContains(t, all, "12345", "a secret stays one")
		return all
	}
	all := warnings("SENTRY_DSN", "https://secret@sentry.example/1", "DATABASE_MAX_IDLE_CONNS", "5")
	for _, part := range []string{
		"docs/from-oauth2server.md", "issuer: is http://localhost:8081", "redis_url: is redis://localhost:6379/0", "admin.listen: is 127.0.0.1:8082",
		"DATABASE_MAX_IDLE_CONNS, SENTRY_DSN: mean nothing here", "jwt_secret: has fewer than 32 bytes",
	} {
		require.Contains(t, all, part)
	}
	require.NotContains(t, all, "sentry.example")

	decided := warnings("GATEHOUSE_ISSUER", "https://api.example", "GATEHOUSE_REDIS_URL", "redis://redis:6379/0",
		"GATEHOUSE_ADMIN_LISTEN", "127.0.0.1:8082", "GATEHOUSE_TRUSTED_PROXIES", "10.0.0.0/8", "JWT_SECRET", strings.Repeat("j", 32))
	require.Equal(t, 1, strings.Count(decided, "\n")+1, decided)
	require.Contains(t, decided, "the environment is oauth2server's")
}

// A file or a variable of Gatehouse's own decides, also for what oauth2server had as its default.
func TestWhatIsSetWinsOverOauth2serversDefaults(t *testing.T) {
	path := writeFile(t, "config.yaml", validYAML+"listen: 127.0.0.1:8081\nadmin: {unknown_fields: refuse}\n")
	cfg, err := config.Load(path, config.Both, ofOauth2server())
	require.NoError(t, err, "there are routes, so that no targets.json is needed")
	require.Equal(t, "127.0.0.1:8081", cfg.Listen)
	require.Equal(t, config.RefuseFields, cfg.Admin.UnknownFields)
	cfg, err = config.Load(path, config.Both, ofOauth2server("PORT", "9000", "GATEHOUSE_ADMIN_UNKNOWN_FIELDS", "ignore"))
	require.NoError(t, err)
	require.Equal(t, ":9000", cfg.Listen)
	require.Equal(t, config.IgnoreFields, cfg.Admin.UnknownFields)
}

func TestAnEnvironmentThatIsNotOauth2serversKeepsTheDefaults(t *testing.T) {
	path := writeFile(t, "config.yaml", validYAML)
	for _, missing := range []string{"JWT_SECRET", "DATABASE_URI", "LNDHUB_URL"} {
		cfg, err := config.Load(path, config.Both, ofOauth2server(missing, ""))
		require.NoError(t, err)
		require.Equal(t, "127.0.0.1:8081", cfg.Listen)
		require.Equal(t, config.RefuseFields, cfg.Admin.UnknownFields)
		require.NotContains(t, strings.Join(cfg.Warnings(config.Both), "\n"), "oauth2server")
		require.ErrorContains(t, cfg.RefusedSecrets(), "jwt_secret")
	}
}

func TestTheSecretOfOauth2serverIsAcceptedAsItIs(t *testing.T) {
	path := writeFile(t, "config.yaml", validYAML)
	cfg, err := config.Load(path, config.Both, ofOauth2server("GATEHOUSE_ADMIN_TOKEN", "short"))
	require.NoError(t, err)
	require.ErrorContains(t, cfg.ShortSecrets(), "jwt_secret")
	require.ErrorContains(t, cfg.RefusedSecrets(), "admin.token", "oauth2server had none: it is chosen here")
	require.NotContains(t, cfg.RefusedSecrets().Error(), "jwt_secret")

	cfg, err = config.Load(path, config.Both, ofOauth2server("GATEHOUSE_JWT_SECRET", "another"))
	require.NoError(t, err)
	require.ErrorContains(t, cfg.RefusedSecrets(), "jwt_secret", "another one is chosen here, too")
}

func TestTrustedOriginsAreWhatBrowsersSend(t *testing.T) {
	path := writeFile(t, "config.yaml", validYAML+"trusted_origins: [https://app.example, 'http://localhost:3000']\n")
	cfg, err := config.Load(path, config.Both, environment(nil))
	require.NoError(t, err)
	require.Equal(t, []string{"https://app.example", "http://localhost:3000"}, cfg.TrustedOrigins)
	for _, wrong := range []string{
		"*", "null", "app.example", "https://app.example/", "https://App.example", "https://app.example:443", "https://*.app.example",
		"http://app.example", "http://192.0.2.1:3000", "http://localhost.example", "ftp://app.example", "https://", "https://user@app.example",
	} {
		_, err := config.Load(path, config.Both, environment(map[string]string{"GATEHOUSE_TRUSTED_ORIGINS": wrong}))
		require.ErrorContains(t, err, "trusted_origins")
	}
}

// keysNamed are the keys at the beginning of each problem.
func keysNamed(problems []string) (keys []string) {
	for _, problem := range problems {
		key, _, _ := strings.Cut(problem, ":")
		keys = append(keys, key)
	}
	return keys
}

func directoryWith(t *testing.T, name, content string) string {
	t.Helper()
	path := writeFile(t, name, content)
	return strings.TrimSuffix(path, name)
}
