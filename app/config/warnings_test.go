package config

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/gateway/listener"
)

func TestSettingsThatDoNotFitTogether(t *testing.T) {
	routed := func(change func(*Config)) Config {
		cfg := Default()
		cfg.Limits.Connections = 4000
		cfg.Routes = []gateway.Route{{Path: "/a", Methods: []string{"GET"}, Origin: "http://localhost:1", Public: true}}
		change(&cfg)
		return cfg
	}
	files := listener.Descriptors()
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"nothing":              {func(*Config) {}, ""},
		"no limit per address": {func(c *Config) { c.Limits.ConnectionsPerAddress = 0 }, "limits.connections_per_address"},
		"few connections":      {func(c *Config) { c.Limits.Connections = 1000 }, "limits.connections_per_address"},
		"all for one user":     {func(c *Config) { c.Upstream.MaxConnsPerUser = 512 }, "upstream.max_conns_per_user"},
		"all sockets for one":  {func(c *Config) { c.Upstream.MaxWebSocketsPerUser = 2000 }, "upstream.max_websockets_per_user"},
		"a route's":            {func(c *Config) { c.Routes[0].MaxConns, c.Routes[0].MaxConnsPerUser = 4, 4 }, "route /a"},
		"a file's":             {func(c *Config) { c.TargetsNotes = []string{"targets_file x: y"} }, "targets_file x: y"},
		"too few descriptors":  {func(c *Config) { c.Upstream.MaxConns = files }, "file descriptors"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := routed(test.change)
			warnings := cfg.Warnings(Both)
			if test.want == "" {
				require.Empty(t, warnings)
				return
			}
			require.Len(t, warnings, 1)
			require.Contains(t, warnings[0], test.want)
			require.Empty(t, cfg.Warnings(AuthzOnly))
		})
	}
}

func TestAProxyThatMustBeThereIsMissed(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   bool
	}{
		"http":                     {func(c *Config) { c.Issuer = "http://auth.example" }, false},
		"https":                    {func(*Config) {}, true},
		"https, on loopback":       {func(c *Config) { c.Listen = "127.0.0.1:8081" }, true},
		"a certificate of its own": {func(c *Config) { c.TLS.CertFile, c.TLS.KeyFile = "cert.pem", "key.pem" }, false},
		"the proxy is trusted":     {func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/8"} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Default()
			cfg.Limits.Connections = 4000
			cfg.Issuer = "https://auth.example"
			test.change(&cfg)
			for _, role := range []Role{Both, AuthzOnly, GatewayOnly} {
				warnings := cfg.Warnings(role)
				if !test.want {
					require.Empty(t, warnings)
					continue
				}
				require.Len(t, warnings, 1)
				require.Contains(t, warnings[0], "trusted_proxies: none, but callers come through a proxy")
				require.Contains(t, warnings[0], "limits.connections_per_address (1000)")
			}
		})
	}
}
