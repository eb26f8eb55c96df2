package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway"
	"gatehouse/gateway/resource"
)

// withTools has a route that belongs to a resource of its own.
func withTools(t *testing.T, change ...func(*config.Config)) config.Config {
	cfg := testConfig(echoUpstream(t))
	for _, c := range change {
		c(&cfg)
	}
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
		const proofAlgorithms = `"dpop_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "PS256", "RS256"],`
		for path, want := range map[string]string{
			"": `{"resource": "` + cfg.Issuer + `", "authorization_servers": ["` + cfg.Issuer + `"], "bearer_methods_supported": ["header"],` + proofAlgorithms + `
				"scopes_supported": ["balance:read", "payments:send"], "resource_name": "Wallet"}`,
			"/balance": `{"resource": "` + cfg.Issuer + `/balance", "authorization_servers": ["` + cfg.Issuer + `"], "bearer_methods_supported": ["header"],` + proofAlgorithms + `
				"scopes_supported": ["balance:read"], "resource_name": "Wallet"}`,
			"/tools": `{"resource": "` + cfg.Issuer + `/tools", "authorization_servers": ["` + cfg.Issuer + `"], "bearer_methods_supported": ["header"],` + proofAlgorithms + `
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

// Each of several gateways, whose resources are the same, takes a token where it is for, in whichever way the client has spelled that.
func TestATokenIsGoodAtItsResourceAtEveryGateway(t *testing.T) {
	cfg := withTools(t)
	cfg.RedisURL = privateRedis(t)
	authz := startRole(t, cfg, config.AuthzOnly)
	authz.awaitReady()
	gateways := []*running{
		startRole(t, gatewayConfig(cfg, authz), config.GatewayOnly), startRole(t, gatewayConfig(cfg, authz), config.GatewayOnly),
	}
	for _, gateway := range gateways {
		gateway.awaitReady()
	}
	a := authz.register()
	tools := cfg.Issuer + "/tools"
	for resource, at := range map[string]map[string]int{
		"":                                 {"/balance": 200, "/tools": 401},
		cfg.Issuer:                         {"/balance": 200, "/tools": 401},
		cfg.Issuer + "/balance":            {"/balance": 200, "/tools": 401},
		tools:                              {"/balance": 401, "/tools": 200},
		tools + "/":                        {"/balance": 401, "/tools": 200},
		"HTTP://LOCALHOST:8081/tool%73":    {"/balance": 401, "/tools": 200},
		tools + " " + cfg.Issuer + "/":     {"/balance": 200, "/tools": 200},
		tools + " " + tools + "/ " + tools: {"/balance": 401, "/tools": 200},
	} {
		given := authz.consentFor(a, strings.Fields(resource), "balance:read tools:use")
		refreshed := authz.exchange(a, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {given.refresh}, "resource": strings.Fields(resource)})
		for target, status := range at {
			for _, gateway := range gateways {
				for _, token := range []string{given.access, refreshed.access} {
					require.Eventually(t, func() bool {
						return gateway.do(http.MethodGet, gateway.public+target, nil, bearer(token)).status == status
					}, startTimeout, time.Millisecond, "%q at %s", resource, target)
				}
			}
		}
	}
	for _, resource := range []string{"http://localhost:8082/tools", "https://localhost:8081/tools", tools + "/x/..", tools + "x", "http://evil.example/tools"} {
		refused := authz.do(http.MethodPost, authz.public+"/oauth/authorize?"+authorizationFor(a, []string{resource}, "tools:use"), nil, bearer(userJWT(t, 1)))
		require.Contains(t, refused.header.Get("Location"), "error=invalid_target", resource)
	}
	metadata := authz.do(http.MethodGet, authz.public+"/.well-known/oauth-authorization-server", nil, nil)
	require.Equal(t, []any{cfg.Issuer, tools}, metadata.json(t)["protected_resources"])
}

// consentFor is consent of user 1 for resources.
func (r *running) consentFor(a application, resources []string, scope string) tokens {
	r.t.Helper()
	allowed := r.do(http.MethodPost, r.public+"/oauth/authorize?"+authorizationFor(a, resources, scope), nil, bearer(userJWT(r.t, 1)))
	require.Equal(r.t, http.StatusFound, allowed.status, allowed.body)
	location, err := url.Parse(allowed.header.Get("Location"))
	require.NoError(r.t, err)
	return r.exchange(a, url.Values{
		"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")}, "redirect_uri": {callback}, "resource": resources,
	})
}

// authorizationFor is the query of an authorization request.
func authorizationFor(a application, resources []string, scope string) string {
	return url.Values{
		"client_id": {a.id}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {scope}, "resource": resources,
	}.Encode()
}
