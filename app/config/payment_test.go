package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

// Routes of a targets file, payments among them, have the time that a payment needs, or what everything has where that is more; payments of the
// example have it, too.
func TestThePatienceOfPayments(t *testing.T) {
	targets := writeFile(t, "targets.json", `[
		{"matchRoute": "/payments/keysend", "origin": "http://lndhub:3000/v2", "description": "Pay.", "scope": "payments:send", "method": "POST"},
		{"matchRoute": "/invoices", "origin": "http://lndhub:3000/v2", "description": "Create.", "scope": "invoices:create", "method": "POST"}
	]`)
	path := writeFile(t, "config.yaml", validYAML)
	for usual, want := range map[string]time.Duration{"30s": 5 * time.Minute, "10m": 10 * time.Minute} {
		cfg, err := config.Load(path, config.Both, environment(map[string]string{
			"TARGET_FILE": targets, "GATEHOUSE_UPSTREAM_FIRST_BYTE_TIMEOUT": usual,
		}))
		require.NoError(t, err)
		for _, route := range cfg.Routes[1:] {
			require.Equal(t, want, route.Patience(cfg.Upstream), "%s, where others have %s", route.Path, usual)
		}
		for _, warning := range cfg.Warnings(config.Both) {
			require.NotContains(t, warning, "payment")
		}
	}

	example, _ := config.Load("../../config.yaml", config.Both, nil) // it lacks the secrets
	payments := 0
	for _, route := range example.Routes {
		if route.IsPayment() {
			payments++
			require.Equal(t, 5*time.Minute, route.FirstByteTimeout, route.Path)
		}
	}
	require.Equal(t, 2, payments)
}
