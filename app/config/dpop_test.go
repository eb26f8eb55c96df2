package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

func TestDPoPIsValidated(t *testing.T) {
	c := config.Default()
	c.DPoP = config.DPoP{Nonce: "sometimes", URLs: []string{"https://api.example/", "ftp://api.example", "https://good.example/base"}}
	err := c.Validate(config.GatewayOnly)
	require.ErrorContains(t, err, `dpop.nonce: must be one of off, required, not "sometimes"`)
	require.ErrorContains(t, err, `dpop.urls: "https://api.example/" must not end with a slash`)
	require.ErrorContains(t, err, `dpop.urls: must be an http or https URL, not "ftp:`)
	require.NotContains(t, err.Error(), "good.example")
}
