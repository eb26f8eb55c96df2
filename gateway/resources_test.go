package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/gateway/resource"
	"gatehouse/keys"
	"gatehouse/keys/dpop"
	"gatehouse/keys/dpop/dpoptest"
)

const (
	tools = issuer + "/tools"
	files = "https://files.example:8443"
)

// withResources is a gateway whose routes belong to tools and files, where they say so.
func withResources(t *testing.T, routes []gateway.Route, more ...func(*gateway.Config)) *system {
	t.Helper()
	set, err := gateway.NewResources(issuer, "", map[string]resource.Settings{"tools": {URL: tools}, "files": {URL: files}}, routes)
	require.NoError(t, err)
	return newSystem(t, routes, options{config: func(c *gateway.Config) {
		c.Resources = set
		c.Verifier.(*keys.Verifier).OtherAudiences = []string{tools, files}
		for _, change := range more {
			change(c)
		}
	}})
}

func of(name string) func(*gateway.Route) { return func(r *gateway.Route) { r.Resource = name } }

func (s *system) tokenFor(audience any) string {
	s.t.Helper()
	return s.token(map[string]any{"aud": audience})
}

func resourceRoutes(origin string, change ...func(*gateway.Route)) []gateway.Route {
	route := func(p, name string) gateway.Route {
		return balance(origin, append([]func(*gateway.Route){path(p), of(name)}, change...)...)
	}
	return []gateway.Route{route("/balance", ""), route("/tools", "tools"), route("/tools/{name}", "tools"), route("/files", "files")}
}

// A token is good where its audience says, and nowhere else (RFC 8707 section 2, RFC 9068 section 4).
func TestATokenPassesOnlyAtTheResourceThatItIsFor(t *testing.T) {
	targets := map[string]string{"/balance": issuer, "/tools": tools, "/tools/pay": tools, "/files": files}
	for name, change := range map[string][]func(*gateway.Route){
		"with a scope": nil,
		"public":       {public},
		"forward":      {credential("forward")},
		"WebSocket":    {webSocket},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, answerAll)
			s := withResources(t, resourceRoutes(upstream.URL(), change...))
			for _, audience := range []string{issuer, tools, files} {
				for target, wants := range targets {
					a := s.do(raw("GET "+target, bearer(s.tokenFor(audience))))
					if wants == audience {
						require.Equal(t, 200, a.StatusCode, "%s at %s: %s", audience, target, a.Body)
						upstream.Take()
						continue
					}
					requireRefused(t, a, 401, "invalid_token")
					require.Contains(t, a.Header.Get("WWW-Authenticate"), `error="invalid_token"`)
					require.Contains(t, a.Body, "another resource")
				}
			}
			for _, audience := range []string{
				tools + "/", "http://LOCALHOST:8081/tools", "http://localhost:8082/tools", "http://localhost/tools", "http://localhost:8081/tool%73",
				"https://localhost:8081/tools", tools + "/pay", "tools",
			} {
				requireRefused(t, s.do(raw("GET /tools", bearer(s.tokenFor(audience)))), 401, "invalid_token")
			}
			require.Empty(t, upstream.Requests())
		})
	}
}

func TestATokenForSeveralResourcesPassesAtEachOfThem(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := withResources(t, resourceRoutes(upstream.URL()))
	token := s.tokenFor([]string{tools, files})
	for target, status := range map[string]int{"/tools": 200, "/tools/pay": 200, "/files": 200, "/balance": 401} {
		require.Equal(t, status, s.do(raw("GET "+target, bearer(token))).StatusCode, target)
	}
}

// An upstream that is given the token could use it at the other resources.
func TestATokenForSeveralResourcesIsPassedOnToNobody(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := withResources(t, resourceRoutes(upstream.URL(), credential("forward")))
	a := s.do(raw("GET /tools", bearer(s.tokenFor([]string{tools, files}))))
	requireRefused(t, a, 401, "invalid_token")
	require.Contains(t, a.Body, "for this one alone")
	require.Empty(t, upstream.Requests())
	require.Equal(t, 200, s.do(raw("GET /tools", bearer(s.tokenFor(tools)))).StatusCode)
}

func TestAWebSocketTakesOnlyATokenForItsResource(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := withResources(t, resourceRoutes(upstream.URL(), webSocket, func(r *gateway.Route) { r.TokenFrom = []string{"query:token", "subprotocol"} }))
	for name, request := range map[string]string{
		"header":      handshake("/tools", bearer(s.tokenFor(files))),
		"query":       handshake("/tools?token=" + s.tokenFor(files)),
		"subprotocol": handshake("/tools", "Sec-WebSocket-Protocol: access_token."+s.tokenFor(files)),
	} {
		a := s.do(request)
		requireRefused(t, a, 401, "invalid_token")
		require.Contains(t, a.Header.Get("WWW-Authenticate"), `resource_metadata="http://localhost:8081/.well-known/oauth-protected-resource/tools"`, name)
	}
	require.Empty(t, upstream.Requests())
}

// What oauth2server has issued was for the API that it stood in front of.
func TestAnOpaqueTokenIsForTheIssuersOwnResource(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := withResources(t, resourceRoutes(upstream.URL()), withOpaque(&fakeTokens{ends: now.Add(1 << 40)}, 10).config)
	require.Equal(t, 200, s.do(raw("GET /balance", bearer(opaque))).StatusCode)
	for _, target := range []string{"/tools", "/files"} {
		requireRefused(t, s.do(raw("GET "+target, bearer(opaque))), 401, "invalid_token")
	}
}

// RFC 9728 section 5.1, RFC 6750 section 3.
func TestWhoAsksForAnotherTokenSaysWhereToGetIt(t *testing.T) {
	s := withResources(t, resourceRoutes("http://127.0.0.1:1"))
	const (
		own      = `resource_metadata="http://localhost:8081/.well-known/oauth-protected-resource"`
		ofTools  = `resource_metadata="http://localhost:8081/.well-known/oauth-protected-resource/tools"`
		ofFiles  = `resource_metadata="https://files.example:8443/.well-known/oauth-protected-resource"`
		expired  = `error="invalid_token", error_description="The access token has expired."`
		tooFew   = `error="insufficient_scope", scope="balance:read"`
		elsewise = `error="invalid_token", error_description="The access token is for another resource."`
	)
	for target, metadata := range map[string]string{"/balance": own, "/tools": ofTools, "/tools/pay": ofTools, "/files": ofFiles} {
		audience := map[string]string{own: issuer, ofTools: tools, ofFiles: files}[metadata]
		for challenge, token := range map[string]string{
			`scope="balance:read"`: "",
			expired:                s.token(map[string]any{"aud": audience, "exp": now.Unix()}),
			tooFew:                 s.token(map[string]any{"aud": audience, "scope": "other"}),
			elsewise:               s.tokenFor(map[bool]string{true: tools, false: issuer}[audience == issuer]),
		} {
			request := raw("GET " + target)
			if token != "" {
				request = raw("GET "+target, bearer(token))
			}
			a := s.do(request)
			require.Equal(t, []string{`Bearer realm="gatehouse", ` + challenge + ", " + metadata}, a.Header.Values("WWW-Authenticate"), target)
			require.Equal(t, map[bool]int{true: 403, false: 401}[challenge == tooFew], a.StatusCode)
		}
	}
	for _, target := range []string{"/nowhere", "/balance//"} {
		require.Empty(t, s.do(raw("GET "+target)).Header.Get("WWW-Authenticate"), target)
	}
	require.Empty(t, s.do(raw("POST /balance")).Header.Get("WWW-Authenticate"))
}

func TestARouteOfAResourceNeedsTheResources(t *testing.T) {
	err := newGateway(t, gateway.Config{Routes: []gateway.Route{balance("http://127.0.0.1:1", of("tools"))}})
	require.ErrorContains(t, err, "a route has a resource, and there are none")
}

func TestARouteForBoundTokensSaysWhereToGetOne(t *testing.T) {
	s := withResources(t, resourceRoutes("http://127.0.0.1:1", boundOnly), func(c *gateway.Config) {
		c.DPoP = gateway.DPoP{Proofs: &dpop.Checker{Uses: &dpoptest.Uses{}}, URLs: []string{issuer}}
	})
	said := s.do(raw("GET /tools")).Header.Get("WWW-Authenticate")
	require.Regexp(t, `^DPoP realm="gatehouse", algs="[^"]*", scope="balance:read", resource_metadata="[^"]*/tools"$`, said)
}
