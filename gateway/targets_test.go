package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

func TestTargetsOfOauth2server(t *testing.T) {
	data, err := os.ReadFile("testdata/targets.json")
	require.NoError(t, err)
	routes, notes, err := gateway.ParseTargets(data)
	require.NoError(t, err)
	require.Empty(t, notes)
	require.Equal(t, []gateway.Route{
		{Path: "/balance", Methods: []string{"GET"}, Origin: "http://localhost:3000", Scope: "balance:read",
			Description: "Read your balance.", Credential: "lndhub", WebSocket: true, FromTargets: true},
		{Path: "/invoices/{payment_hash}", Methods: []string{"GET"}, Origin: "http://localhost:3000/v2",
			Scope: "invoices:create", Description: "Create invoices on your behalf.", Credential: "lndhub", WebSocket: true, FromTargets: true},
		{Path: "/lsp/channels", Methods: []string{"GET"}, Origin: "http://localhost:3000", Scope: "account:read",
			Description: "Read your channel provider details.", Credential: "lndhub", Public: true, WebSocket: true, FromTargets: true},
	}, routes)
	require.NoError(t, newGateway(t, gateway.Config{Routes: routes, JWTSecret: []byte(jwtSecret)}))
}

func TestTargetsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ data, problem string }{
		"not a list":    {`{"matchRoute": "/a"}`, "targets: want a list of targets"},
		"more after it": {`[] []`, "targets: there is more"},
		"not JSON":      {`[{]`, "targets: "},
		"nothing":       {``, "targets: "},
		"a text":        {`["/a"]`, "targets: target 1: want an object"},
		"wrong type":    {`[{}, {"allowPublicAccess": "true"}]`, "targets: target 2: allowPublicAccess: want true or false"},
		"several wrong": {`[{"method": ["GET"]}, {}, {"origin": 1}]`, "targets: target 1: method: want a text\ntargets: target 3: origin: want a text"},
	} {
		t.Run(name, func(t *testing.T) {
			routes, _, err := gateway.ParseTargets([]byte(test.data))
			require.ErrorContains(t, err, test.problem)
			require.Empty(t, routes)
		})
	}
}

// targetEntry is an entry of targets.json that is all right; more is what is added to it.
func targetEntry(matchRoute, method string, more ...any) map[string]any {
	entry := map[string]any{"matchRoute": matchRoute, "origin": "http://localhost:3000", "scope": "balance:read", "description": "Read."}
	if method != "" {
		entry["method"] = method
	}
	for i := 0; i < len(more); i += 2 {
		entry[more[i].(string)] = more[i+1]
	}
	return entry
}

func parsedTargets(t *testing.T, entries ...map[string]any) ([]gateway.Route, []string) {
	t.Helper()
	data, err := json.Marshal(entries)
	require.NoError(t, err)
	routes, notes, err := gateway.ParseTargets(data)
	require.NoError(t, err)
	return routes, notes
}

func TestWhatOfATargetHasNoEffectIsSaid(t *testing.T) {
	_, notes := parsedTargets(t,
		targetEntry("/balance", "get", "timeout", "5", "Comment", "x", "ORIGIN", "http://localhost:3000"),
		targetEntry("/invoices/{hash}", "POST", "allowPublicAcess", true),
		targetEntry("/dead", ""),
		targetEntry("/invoices/incoming", "POST"),
		targetEntry("/invoices/incoming", "GET"),
		targetEntry("/invoices/{id}", "post"),
		targetEntry("/files/{rest:.*}", "GET"),
		targetEntry("/files/{name:[a-z]*}", "GET"),
		targetEntry("/{all:.+}", "GET"),
		targetEntry("/", "GET"),
		targetEntry("/late", "GET"),
	)
	require.Equal(t, []string{
		`target 1 (get /balance) has the unknown field "Comment", which is ignored`,
		`target 1 (get /balance) has the unknown field "timeout", which is ignored`,
		`target 2 (POST /invoices/{hash}) has the unknown field "allowPublicAcess", which is ignored`,
		`target 3 (/dead) has no method: as in oauth2server, it serves no request, and users can still be asked for its scope "balance:read"`,
		`target 4 (POST /invoices/incoming) gets no request: as in oauth2server, target 2 (POST /invoices/{hash}) comes first and takes them all`,
		`target 6 (post /invoices/{id}) gets no request: as in oauth2server, target 2 (POST /invoices/{hash}) comes first and takes them all`,
		`target 8 (GET /files/{name:[a-z]*}) gets no request: as in oauth2server, target 7 (GET /files/{rest:.*}) comes first and takes them all`,
		`target 11 (GET /late) gets no request: as in oauth2server, target 9 (GET /{all:.+}) comes first and takes them all`,
	}, notes)
}

func TestProblemsOfTargetsAreReportedAtOnce(t *testing.T) {
	routes, _ := parsedTargets(t,
		targetEntry("/a", "PROPFIND"),
		targetEntry("/b", "GET,POST"),
		targetEntry("/c/{id:^[0-9]+$}", "GET"),
		targetEntry("/d/{id:(?!x)}", "GET"),
		targetEntry("/e/{id", "GET"),
		targetEntry("/oauth/{rest:.*}", "GET"),
		targetEntry("f", "GET"),
		targetEntry("/g//h", "GET"),
		targetEntry("/i;j", "GET"),
		targetEntry("/ok/{id}/{id}", "GET"),
	)
	err := newGateway(t, gateway.Config{Routes: routes, JWTSecret: []byte(jwtSecret)})
	for _, problem := range []string{
		`route 1 (PROPFIND /a): unknown method "PROPFIND", want one of GET, HEAD`,
		`route 2 (GET,POST /b): unknown method "GET,POST"`,
		`route 3 (GET /c/{id:^[0-9]+$}): bad path "/c/{id:^[0-9]+$}": the parameter {id:^[0-9]+$}: a pattern matches from the beginning to the end anyway: leave out ^ and $`,
		`route 4 (GET /d/{id:(?!x)}): bad path`,
		`route 5 (GET /e/{id): bad path "/e/{id": its braces do not match`,
		`route 6 (GET /oauth/{rest:.*}): path "/oauth/{rest:.*}" is reserved`,
		`route 7 (GET f): bad path "f": it does not start with a slash`,
		`route 8 (GET /g//h): bad path`,
		`route 9 (GET /i%3Bj): bad path`,
	} {
		require.ErrorContains(t, err, problem)
	}
	require.NotContains(t, err.Error(), "route 10")
}

func TestPathsOfTargetsMeanWhatTheyMeantToGorilla(t *testing.T) {
	for matchRoute, want := range map[string]string{
		"/balance":                        "/balance",
		"/invoices/{payment_hash}":        "/invoices/{payment_hash}",
		"/i/{payment-hash}":               "/i/{payment_hash}",
		"/i/{hash:[0-9a-f]{64}}":          "/i/{hash:[0-9a-f]{64}}",
		"/x-{y}":                          "/x-{y}",
		"/{a}/{a}/{a:x}":                  "/{a}/{a_}/{a__:x}",
		"/{a.b:c/d}/":                     "/{a_b:c/d}/",
		"/caf\u00e9/{x}":                  "/caf%C3%A9/{x}",
		"/50%/%2e/a b":                    "/50%25/%252e/a%20b",
		"/a?b":                            "/a%3Fb",
		"/{":                              "/{",
		"":                                "",
		"/files/{rest:.*}":                "/files/{rest:.*}",
		"/files/{rest:[a-z/]+}/caf\u00e9": "/files/{rest:[a-z/]+}/caf%C3%A9",
	} {
		routes, _ := parsedTargets(t, targetEntry(matchRoute, "GET"))
		require.Equal(t, want, routes[0].Path)
	}
}

// targetSystem is a gateway with the routes of a targets.json whose upstream is lndhub's.
func targetSystem(t *testing.T, upstream *fakeUpstream, entries ...map[string]any) *system {
	t.Helper()
	for _, entry := range entries {
		entry["origin"] = upstream.URL()
	}
	routes, _ := parsedTargets(t, entries...)
	return newSystem(t, routes, options{})
}

func TestTheFirstTargetWithPathAndMethodWins(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := targetSystem(t, upstream,
		targetEntry("/invoices/{hash:[0-9a-f]{64}}", "get"),
		targetEntry("/payments/{kind}", "POST", "scope", "balance:read"),
		targetEntry("/payments/bolt11", "POST", "scope", "never:granted"),
		targetEntry("/invoices/{id}", "delete"),
		targetEntry("/invoices/{id}", "GET", "scope", "never:granted"),
		targetEntry("/invoices/{id}", "GET", "scope", "balance:read"),
		targetEntry("/dead", ""),
	)
	token := s.token(nil)
	for request, status := range map[string]int{
		"GET /invoices/" + hash:          200,
		"HEAD /invoices/" + hash:         200,
		"DELETE /invoices/" + hash:       200, // the first target has another method
		"DELETE /invoices/" + hash + "0": 200,
		"GET /invoices/" + hash + "0":    403,
		"POST /invoices/" + hash:         405,
		"POST /payments/bolt11":          200, // as in oauth2server, the target for it comes too late
		"POST /payments/keysend":         200,
		"GET /dead":                      404,
	} {
		a := s.do(raw(request, bearer(token)))
		require.Equal(t, status, a.StatusCode, "%s: %s", request, a.Body)
	}
	require.Equal(t, "GET, HEAD", s.do(raw("POST /invoices/"+hash, bearer(token))).Header.Get("Allow"))
}

func TestATokenOfATargetMayStandAlone(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	routes, _ := parsedTargets(t, targetEntry("/balance", "GET"), targetEntry("/public", "GET", "allowPublicAccess", true))
	routes = append(routes, balance("", path("/own")))
	for i := range routes {
		routes[i].Origin = upstream.URL()
	}
	s := newSystem(t, routes, options{})
	token := s.token(nil)
	for _, test := range []struct {
		path, authorization string
		status              int
	}{
		{"/balance", token, 200},
		{"/balance", "Bearer " + token, 200},
		{"/balance", "bearer " + token, 200},
		{"/public", token, 200},
		{"/public", "", 200},
		{"/balance", "", 401},
		{"/balance", token + "x", 401},
		{"/balance", token + " " + token, 401},
		{"/balance", "Basic " + token, 401},
		{"/balance", "Bearer", 401},
		{"/public", "Bearer", 401},
		{"/public", token + "x", 401},
		{"/own", token, 401},
		{"/own", "Bearer " + token, 200},
	} {
		before := len(upstream.Requests())
		a := s.do(raw("GET "+test.path, "Authorization: "+test.authorization))
		require.Equal(t, test.status, a.StatusCode, "%s %s", test.path, test.authorization)
		seen := upstream.Requests()[before:]
		if test.status != 200 {
			require.Empty(t, seen)
			require.Contains(t, a.Header.Get("WWW-Authenticate"), `Bearer realm="gatehouse"`)
			continue
		}
		require.NotContains(t, strings.Join(seen[0].Lines, "\n"), token)
		if test.path == "/public" && test.authorization == "" {
			require.Empty(t, seen[0].Values("Authorization"))
		} else if test.path != "/own" {
			require.Len(t, seen[0].Values("Authorization"), 1)
		}
	}
	require.NotContains(t, s.log.String(), token[strings.LastIndexByte(token, '.'):])
}

func TestAWebSocketPassesToATarget(t *testing.T) {
	server := webSocketUpstream(t, echo)
	routes, _ := parsedTargets(t, targetEntry("/invoices/stream", "get"))
	routes[0].Origin = server.URL
	s := newSystem(t, routes, options{})
	c := s.open("/invoices/stream", withToken(s.token(nil)))
	says(t, c, "hello")
	_, response, err := s.tryOpen("/invoices/stream", nil)
	require.Error(t, err)
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
}

// oauth2server waited for its upstreams as long as they took.
func TestALongAnswerPassesFromATarget(t *testing.T) {
	for name, script := range map[string]struct{ first, then string }{
		"before it begins": {"", okAnswer},
		"within it":        {chunkedHead + "2\r\nok\r\n", "0\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, func(l *link) {
				if l.ReadRequest() {
					l.Say(script.first)
					l.Hold()
					l.Say(script.then)
				}
			})
			routes, _ := parsedTargets(t, targetEntry("/invoices", "post"), targetEntry("/balance", "GET"))
			routes = append(routes, balance("", path("/own")))
			for i := range routes {
				routes[i].Origin = upstream.URL()
			}
			s := newSystem(t, routes, options{config: func(c *gateway.Config) {
				c.Upstreams.FirstByteTimeout, c.Upstreams.IdleTimeout = soon, soon
			}})
			token := bearer(s.token(nil))
			posted, got, own := s.dial(), s.dial(), s.dial()
			posted.Send(raw("POST /invoices", token))
			got.Send(raw("GET /balance", token))
			require.Eventually(t, func() bool { return len(upstream.Requests()) == 2 }, patience, time.Millisecond)
			own.Send(raw("GET /own", token))
			_, err := io.ReadAll(own.Begin().Body) // until its time is over, which began later than that of the others
			if script.first != "" {
				require.Error(t, err, "it was cut")
			}
			upstream.Release()
			for _, c := range []*call{posted, got} {
				a := c.Receive("GET")
				require.Equal(t, 200, a.StatusCode)
				require.Equal(t, "ok", a.Body)
			}
		})
	}
}

// A page asks about the method that it needs, which may be another target's than the first that has the path.
func TestAPreflightOfATargetAsksForItsMethod(t *testing.T) {
	routes, _ := parsedTargets(t, targetEntry("/i/{hash:[0-9]+}", "GET"), targetEntry("/i/{id}", "DELETE"))
	s := newSystem(t, routes, options{config: func(c *gateway.Config) { c.CORS.Origins = []string{"https://app.example"} }})
	for wanted, allowed := range map[string]string{"GET": "GET, HEAD", "DELETE": "DELETE", "PUT": "GET, HEAD"} {
		a := s.do(raw("OPTIONS /i/1", "Origin: https://app.example", "Access-Control-Request-Method: "+wanted))
		require.Equal(t, 204, a.StatusCode)
		require.Equal(t, allowed, a.Header.Get("Access-Control-Allow-Methods"))
	}
}
