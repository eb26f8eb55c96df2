package deploy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// configuration is what other files must agree with; whether the rest is right the server says.
type configuration struct {
	Listen, Issuer string
	Admin          struct{ Listen string }
	Keys           struct {
		JWKSURL string `yaml:"jwks_url"`
	}
	Budgets        struct{ Listen, URL string }
	TrustedProxies []string `yaml:"trusted_proxies"`
	Shutdown       struct{ Delay, Timeout time.Duration }
	Routes         []struct{ Origin string }
}

func parseConfig(t *testing.T, text string) configuration {
	t.Helper()
	var config configuration
	require.NoError(t, yaml.Unmarshal([]byte(text), &config))
	return config
}

// secretValues are such that the server takes them.
var secretValues = map[string]string{
	"GATEHOUSE_DATABASE_URL":  "postgres://gatehouse:password@postgres:5432/gatehouse",
	"GATEHOUSE_REDIS_URL":     "redis://:password@redis:6379/0",
	"GATEHOUSE_JWT_SECRET":    "0123456789abcdef0123456789abcdef",
	"GATEHOUSE_KEYS_SECRET":   "0123456789abcdef0123456789abcdef",
	"GATEHOUSE_ADMIN_TOKEN":   "0123456789abcdef0123456789abcdef",
	"GATEHOUSE_BUDGETS_TOKEN": "0123456789abcdef0123456789abcdef",
}
