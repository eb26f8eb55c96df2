package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

// Payments of a targets file have the time that they need, or what everything has where that is more; those of the example, too.
func TestThePatienceOfPayments(t *testing.T) {
	targets := writeFile(t, "targets.json", `[
		{"matchRoute": "/payments/keysend", "origin": "http://lndhub:3000/v2", "description": "Pay.", "scope": "payments:send", "method": "POST"},
		{"matchRoute": "/invoices", "origin": "http://lndhub:3000/v2", "description": "Create.", "scope": "invoices:create", "method": "POST"}
	]`)
	path := writeFile(t, "config.yaml", validYAML)
	for usual, want := range map[string]time.Duration{"30s": 5 * time.Minute, "10m": 0} {
		cfg, err := config.Load(path, config.Both, environment(map[string]string{
			"TARGET_FILE": targets, "GATEHOUSE_UPSTREAM_FIRST_BYTE_TIMEOUT": usual,
		}))
		require.NoError(t, err)
		require.Equal(t, want, cfg.Routes[1].FirstByteTimeout, usual)
		require.Zero(t, cfg.Routes[2].FirstByteTimeout, "0 is what upstream has")
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
