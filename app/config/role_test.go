package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway"
)

func TestEachRoleIsAskedOnlyForWhatItNeeds(t *testing.T) {
	cfg := config.Default()
	cfg.JWTSecret = "host-application-secret"
	cfg.Routes = []gateway.Route{{
		Path: "/balance", Methods: []string{"GET"}, Origin: "http://localhost:1", Scope: "balance:read", Credential: "lndhub",
	}}
	err := cfg.Validate(config.GatewayOnly)
	require.EqualError(t, err, `keys.jwks_url: must be an http or https URL, not ""`)

	cfg.Keys.JWKSURL = "http://localhost:1/jwks.json"
	cfg.DatabaseURL = ""
	require.NoError(t, cfg.Validate(config.GatewayOnly))

	cfg.Keys.RotateEvery, cfg.Keys.JWKSRefresh = 0, 10*time.Minute
	err = cfg.Validate(config.GatewayOnly)
	require.ErrorContains(t, err, "keys.publish_ahead", "it must not read the JWKS too late for its authorization servers")
	require.NotContains(t, err.Error(), "rotate_every")
	cfg.Keys.JWKSRefresh = time.Minute

	cfg.RedisURL = "embedded:"
	require.ErrorContains(t, cfg.Validate(config.GatewayOnly), "redis_url")
}
