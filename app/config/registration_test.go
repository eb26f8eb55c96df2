package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

func TestSettingsOfRegistrationAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*config.ClientRegistration)
		want   string
	}{
		"a mode that there is not":  {func(r *config.ClientRegistration) { r.Mode = "on" }, "clients.registration.mode: must be one of off, token, open"},
		"no token":                  {func(r *config.ClientRegistration) { r.Mode = config.RegistrationToken }, "clients.registration.token: is required"},
		"a short token":             {func(r *config.ClientRegistration) { r.Mode, r.Token = config.RegistrationToken, "short" }, "clients.registration.token: has fewer than 32 bytes"},
		"a short one before":        {func(r *config.ClientRegistration) { r.PreviousToken = "short" }, "clients.registration.previous_token: has fewer than 32 bytes"},
		"a scope that there is not": {func(r *config.ClientRegistration) { r.Scopes = []string{"no:such"} }, `clients.registration.scopes: no route has the scope "no:such"`},
		"kept for too short":        {func(r *config.ClientRegistration) { r.KeepUnused = 1 }, "clients.registration.keep_unused: must be 1h0m0s to 8760h0m0s"},
		"none that is not used":     {func(r *config.ClientRegistration) { r.MaxUnused = 0 }, "clients.registration.max_unused: must be 1 to 1000000"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config.Default()
			test.change(&cfg.Clients.Registration)
			err := cfg.Validate(config.Both)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "short\"")
		})
	}
	cfg := config.Default()
	require.NotContains(t, cfg.Validate(config.Both).Error(), "clients.registration")
}
