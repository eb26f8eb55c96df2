package app_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway"
	"gatehouse/gateway/resource"
)

// withTools has a route that belongs to a resource of its own.
func withTools(t *testing.T) config.Config {
	cfg := testConfig(echoUpstream(t))
	cfg.Brand.Name = "Wallet"
	cfg.Resources = map[string]resource.Settings{"tools": {URL: cfg.Issuer + "/tools", Name: "Wallet tools"}}
	cfg.Routes = append(cfg.Routes, gateway.Route{
		Path: "/tools", Methods: []string{"GET", "POST"}, Origin: cfg.Routes[0].Origin, Scope: "tools:use", Description: "Use tools.",
		Credential: "headers", Resource: "tools",
	})
	return cfg
}

// A proxy sends what is well known to an authorization server on its own, or to a gateway: all of them say the same.
func TestResourcesArePublishedInEveryRole(t *testing.T) {
	cfg := withTools(t)
	cfg.RedisURL = privateRedis(t)
	cfg.CORS.Origins = []string{"https://app.example"}
	authz := startRole(t, cfg, config.AuthzOnly)
	authz.awaitReady()
	for name, r := range map[string]*running{
		"authz": authz, "gateway": startRole(t, gatewayConfig(cfg, authz), config.GatewayOnly), "both": start(t, cfg),
	} {
		const place = "/.well-known/oauth-protected-resource"
		for path, want := range map[string]string{
			"": `{"resource": "` + cfg.Issuer + `", "authorization_servers": ["` + cfg.Issuer + `"], "bearer_methods_supported": ["header"],
				"scopes_supported": ["balance:read", "payments:send"], "resource_name": "Wallet"}`,
			"/balance": `{"resource": "` + cfg.Issuer + `/balance", "authorization_servers": ["` + cfg.Issuer + `"], "bearer_methods_supported": ["header"],
				"scopes_supported": ["balance:read"], "resource_name": "Wallet"}`,
			"/tools": `{"resource": "` + cfg.Issuer + `/tools", "authorization_servers": ["` + cfg.Issuer + `"], "bearer_methods_supported": ["header"],
				"scopes_supported": ["tools:use"], "resource_name": "Wallet tools"}`,
		} {
			a := r.do(http.MethodGet, r.public+place+path, nil, http.Header{"Origin": {"https://app.example"}})
			require.Equal(t, http.StatusOK, a.status, "%s %s: %s", name, path, a.body)
			require.JSONEq(t, want, a.body, name)
			require.Equal(t, []string{"https://app.example"}, a.header["Access-Control-Allow-Origin"], name)
			require.Equal(t, "public, max-age=300", a.header.Get("Cache-Control"))
			require.Equal(t, http.StatusNoContent, r.preflight(place+path, "https://app.example", "GET").status)
		}
		require.Equal(t, http.StatusNotFound, r.do(http.MethodGet, r.public+place+"/nowhere", nil, nil).status, name)
		require.Equal(t, http.StatusNotFound, r.do(http.MethodGet, r.public+place+"x", nil, nil).status, name)
		require.Equal(t, http.StatusMethodNotAllowed, r.do(http.MethodPost, r.public+place, nil, nil).status, name)
		if name != "authz" {
			a := r.do(http.MethodGet, r.public+"/tools", nil, nil)
			require.Equal(t, http.StatusUnauthorized, a.status)
			require.Equal(t, `Bearer realm="gatehouse", scope="tools:use", resource_metadata="`+cfg.Issuer+place+`/tools"`, a.header.Get("WWW-Authenticate"))
		}
	}
}

func TestResourcesThatCannotWorkAreReportedWithTheRest(t *testing.T) {
	cfg := withTools(t)
	cfg.Resources["tools"] = resource.Settings{URL: cfg.Issuer + "/tools#top"}
	cfg.Resources["idle"] = resource.Settings{URL: cfg.Issuer + "/idle"}
	cfg.Log.Format = "xml"
	err := cfg.Validate(config.Both)
	for _, want := range []string{`resources: resource "tools": its url cannot be used: it has a fragment`, `resources: resource "idle": no route belongs to it`, "log.format"} {
		require.ErrorContains(t, err, want)
	}
}
