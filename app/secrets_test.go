package app_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/app/config"
)

// TestShortSecretsAreOnlyForOldInstallations: a new one is refused, an old one is warned.
func TestShortSecretsAreOnlyForOldInstallations(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.DatabaseURL = config.SecretURL("sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"))
	begin := func(change func(*config.Config)) (log string, err error) {
		changed := cfg
		change(&changed)
		var lines bytes.Buffer
		a, err := app.New(t.Context(), changed, app.Options{Log: slog.New(slog.NewTextHandler(&lines, nil))})
		if err == nil {
			require.NoError(t, a.Stop(t.Context()))
		}
		return lines.String(), err
	}
	changes := map[string]func(*config.Config){
		"jwt_secret":  func(c *config.Config) { c.JWTSecret = "x" },
		"admin.token": func(c *config.Config) { c.Admin.Token = "0123456789abcdef0123456789abcde" },
	}
	for range 2 { // the first refusal has not made it an old one
		for key, short := range changes {
			_, err := begin(short)
			require.ErrorContains(t, err, key)
			require.ErrorContains(t, err, "new installation")
			require.NotContains(t, err.Error(), "0123456789")
		}
	}
	taken := cfg
	taken.DatabaseURL = config.SecretURL("sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"))
	for range 2 { // a secret that others have already is no choice of this installation's
		log, err := begin(func(c *config.Config) {
			*c = taken
			c.JWTSecret, c.OAuth2Server = "12345", config.OAuth2Server{Recognized: true, JWTSecret: true}
		})
		require.NoError(t, err)
		require.Contains(t, log, "jwt_secret")
		require.NotContains(t, log, "12345")
	}
	log, err := begin(func(*config.Config) {})
	require.NoError(t, err)
	require.NotContains(t, log, "SECRET")
	for key, short := range changes {
		log, err := begin(short)
		require.NoError(t, err)
		require.Contains(t, log, "level=WARN")
		require.Contains(t, log, key)
		require.NotContains(t, log, "0123456789")
	}
}
