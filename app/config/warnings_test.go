package config

import (
	"strings"
	"testing"
	"time"

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
	webSocket := func(c *Config) { c.Routes[0].WebSocket = true }
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
		"a route's few":        {func(c *Config) { c.Upstream.MaxConnsPerUser, c.Routes[0].MaxConns = 8, 4 }, "route /a: max_conns_per_user"},
		"a route's share":      {func(c *Config) { c.Routes[0].MaxConnsPerUser = 512 }, "route /a: max_conns_per_user"},
		"a route's sockets":    {func(c *Config) { webSocket(c); c.Routes[0].MaxWebSockets, c.Routes[0].MaxWebSocketsPerUser = 4, 4 }, "route /a: max_websockets_per_user"},
		"none of its sockets":  {func(c *Config) { c.Routes[0].MaxWebSockets, c.Routes[0].MaxWebSocketsPerUser = 4, 4 }, ""},
		"one for one":          {func(c *Config) { c.Routes[0].MaxConns, c.Routes[0].MaxConnsPerUser = 1, 1 }, ""},
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

func TestAPaymentThatIsGivenUpIsWarnedOf(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config, *gateway.Route)
		warned bool
	}{
		"the usual time":        {func(*Config, *gateway.Route) {}, true},
		"too little":            {func(_ *Config, r *gateway.Route) { r.FirstByteTimeout = 2 * time.Minute }, true},
		"enough":                {func(_ *Config, r *gateway.Route) { r.FirstByteTimeout = 5 * time.Minute }, false},
		"enough for all":        {func(c *Config, _ *gateway.Route) { c.Upstream.FirstByteTimeout = 10 * time.Minute }, false},
		"of another upstream":   {func(_ *Config, r *gateway.Route) { r.Credential = "headers" }, false},
		"nothing is paid there": {func(_ *Config, r *gateway.Route) { r.Path = "/v2/invoices" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Default()
			cfg.Limits.Connections = 4000
			cfg.Routes = []gateway.Route{{Path: "/v2/payments/bolt11", Methods: []string{"POST"}, Origin: "http://localhost:1", Scope: "x", Credential: "lndhub"}}
			test.change(&cfg, &cfg.Routes[0])
			warnings := cfg.Warnings(Both)
			if !test.warned {
				require.Empty(t, warnings)
				return
			}
			require.Len(t, warnings, 1)
			require.Contains(t, warnings[0], "/v2/payments/bolt11")
			require.Contains(t, warnings[0], "5m0s")
		})
	}
}

// A scope that is called reading or writing although it pays is what users would be deceived by.
func TestAPaymentThatIsCalledSomethingElseIsWarnedOf(t *testing.T) {
	for risk, warned := range map[string]bool{"": false, gateway.Spend: false, gateway.Write: true, gateway.Read: true} {
		cfg := Default()
		cfg.Limits.Connections = 4000
		cfg.Routes = []gateway.Route{{
			Path: "/v2/payments/bolt11", Methods: []string{"POST"}, Origin: "http://localhost:1", Scope: "x", Credential: "lndhub", Risk: risk,
			FirstByteTimeout: gateway.PaymentTimeout,
		}}
		require.Empty(t, cfg.Warnings(GatewayOnly))
		for _, role := range []Role{Both, AuthzOnly} {
			warnings := cfg.Warnings(role)
			require.Equal(t, warned, len(warnings) == 1, warnings)
			if warned {
				require.Equal(t, "route /v2/payments/bolt11: risk is "+risk+", and it is a payment: users are not told that applications spend with x", warnings[0])
			}
		}
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

// What spends with the scope of a budget and does not count is a way around it.
func TestAWayAroundABudgetIsWarnedOf(t *testing.T) {
	counted := gateway.Route{
		Path: "/payments/bolt11", Methods: []string{"POST"}, Scope: "payments:send", Spend: &gateway.Spending{Unit: "sat", Cost: "fixed:1"},
		FirstByteTimeout: gateway.PaymentTimeout,
	}
	for name, test := range map[string]struct {
		route  gateway.Route
		warned bool
	}{
		"several keysends":     {gateway.Route{Path: "/payments/keysend/multi", Methods: []string{"POST"}, Scope: "payments:send"}, true},
		"one that says so":     {gateway.Route{Path: "/x", Methods: []string{"POST"}, Scope: "payments:send", Risk: gateway.Spend}, true},
		"of a file":            {gateway.Route{Path: "/payinvoice", Methods: []string{"POST"}, Scope: "payments:send", FromTargets: true}, true},
		"one that reads":       {gateway.Route{Path: "/payments", Methods: []string{"GET"}, Scope: "payments:send"}, false},
		"one of another scope": {gateway.Route{Path: "/payments/x", Methods: []string{"POST"}, Scope: "other"}, false},
		"one that counts":      {counted, false},
	} {
		cfg := Default()
		cfg.Routes = []gateway.Route{counted, test.route}
		for _, role := range []Role{Both, AuthzOnly, GatewayOnly} {
			found := false
			for _, warning := range cfg.Warnings(role) {
				found = found || strings.Contains(warning, "route "+test.route.Path+": it spends with "+test.route.Scope)
			}
			require.Equal(t, test.warned, found, name)
		}
	}
}
