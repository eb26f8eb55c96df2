package gateway_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/gateway/resource"
)

// wallet is a route to an MCP server, whose resource is tools.
func wallet(origin string, change ...func(*gateway.Route)) gateway.Route {
	r := gateway.Route{
		Path: "/tools", Methods: []string{"GET", "POST", "DELETE"}, Origin: origin, Scope: "tools:use", Description: "Use tools.",
		Credential: "headers", Resource: "tools",
		MCP: &gateway.MCP{
			Tools:   map[string]string{"pay": "payments:send", "history": "payments:read"},
			Methods: map[string]string{"resources/read": "files:read"},
			Scopes:  map[string]gateway.ScopeText{"files:read": {Description: "Read files.", Risk: "read"}},
		},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

// message is a request with a message of an MCP client.
func (s *system) message(scope, body string, headers ...string) string {
	headers = append([]string{bearer(s.token(map[string]any{"aud": tools, "scope": scope})), "Content-Type: application/json"}, headers...)
	return withBody(body, "POST /tools", headers...)
}

func callOf(tool string) string {
	return fmt.Sprintf(`{"jsonrpc": "2.0", "id":1,"method":"tools/call","params":{"name":"%s"}}`+"\r\n", tool)
}

func elsewhere(name string) gateway.Route { // where the other resource is that withResources has
	return balance("http://127.0.0.1:1", path("/"+name), of(name))
}

func TestEachToolNeedsItsScope(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := withResources(t, []gateway.Route{wallet(upstream.URL()), elsewhere("files")})
	const listing = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	const reading = `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a"}}`
	for _, test := range []struct{ scope, body, lacks string }{
		{"tools:use", listing, ""},
		{"tools:use", callOf("balance"), ""},
		{"tools:use", `{"jsonrpc":"2.0","id":7,"result":{"name":"pay"}}`, ""},
		{"tools:use", callOf("pay"), "payments:send"},
		{"tools:use payments:read", callOf("pay"), "payments:send"},
		{"tools:use payments:send", callOf("pay"), ""},
		{"tools:use payments:send", callOf("history"), "payments:read"},
		{"tools:use payments:send", reading, "files:read"},
		{"tools:use files:read", reading, ""},
	} {
		a := s.do(s.message(test.scope, test.body))
		if test.lacks == "" {
			require.Equal(t, 200, a.StatusCode, "%s: %s", test.body, a.Body)
			require.Equal(t, test.body, upstream.Take()[0].Body, "the bytes that were read are the bytes that are sent")
			continue
		}
		requireRefused(t, a, 403, "insufficient_scope")
		require.Equal(t, []string{`Bearer realm="gatehouse", error="insufficient_scope", scope="tools:use ` + test.lacks +
			`", resource_metadata="http://localhost:8081/.well-known/oauth-protected-resource/tools"`}, a.Header.Values("WWW-Authenticate"))
	}
	requireRefused(t, s.do(s.message("payments:send", callOf("pay"))), 403, "insufficient_scope")
	require.Empty(t, upstream.Requests())
}

func TestWhatIsNotListedCanNeedAScopeToo(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := withResources(t, []gateway.Route{elsewhere("files"), wallet(upstream.URL(), func(r *gateway.Route) {
		r.MCP = &gateway.MCP{
			Tools:   map[string]string{"*": "any:tool", "pay": "payments:send"},
			Methods: map[string]string{"tools/call": "tools:call", "*": "any:method", "initialize": "tools:use"},
		}
	})})
	for _, test := range []struct {
		body, scope string
	}{
		{callOf("pay"), "tools:use tools:call payments:send"},
		{callOf("new"), "tools:use tools:call any:tool"},
		{callOf("*"), "tools:use tools:call any:tool"},
		{`{"id":1,"method":"initialize"}`, "tools:use"},
		{`{"id":1,"method":"ping"}`, "tools:use any:method"},
	} {
		require.Equal(t, 200, s.do(s.message(test.scope, test.body)).StatusCode, test.body)
		upstream.Take()
		for lost := range strings.FieldsSeq(test.scope) {
			a := s.do(s.message(strings.Replace(test.scope, lost, "x", 1), test.body))
			requireRefused(t, a, 403, "insufficient_scope")
			if lost != "tools:use" {
				require.Contains(t, a.Header.Get("WWW-Authenticate"), `scope="`+test.scope+`"`)
			}
		}
	}
	require.Empty(t, upstream.Requests())
}

// What every method needs a call of a listed tool needs, too.
func TestAToolNeedsWhatItsMethodNeeds(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := withResources(t, []gateway.Route{elsewhere("files"), wallet(upstream.URL(), func(r *gateway.Route) {
		r.MCP = &gateway.MCP{Tools: map[string]string{"pay": "payments:send"}, Methods: map[string]string{"*": "any:method"}}
	})})
	require.Equal(t, 200, s.do(s.message("tools:use any:method payments:send", callOf("pay"))).StatusCode)
	upstream.Take()
	for _, scope := range []string{"tools:use payments:send", "tools:use any:method"} {
		requireRefused(t, s.do(s.message(scope, callOf("pay"))), 403, "insufficient_scope")
	}
	require.Empty(t, upstream.Requests())
}

// A field says what intermediaries may believe, the body what the server does.
func TestAMessageThatIsNotWhatItSaysIsNotSent(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := withResources(t, []gateway.Route{wallet(upstream.URL()), elsewhere("files")})
	const all = "tools:use payments:send payments:read files:read"
	current := []string{"MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call"}
	for name, request := range map[string]string{
		"another tool":         s.message("tools:use", callOf("pay"), append(current, "Mcp-Name: balance")...),
		"another, allowed":     s.message(all, callOf("pay"), append(current, "Mcp-Name: balance")...),
		"another method":       s.message(all, callOf("pay"), "Mcp-Method: tools/list"),
		"two names":            s.message(all, callOf("pay"), append(current, "Mcp-Name: pay", "Mcp-Name: balance")...),
		"no name":              s.message(all, callOf("pay"), current...),
		"no method":            s.message(all, callOf("pay"), "MCP-Protocol-Version: 2026-07-28", "Mcp-Name: pay"),
		"a version that is no": s.message(all, callOf("pay"), "MCP-Protocol-Version: latest"),
		"an encoded body":      s.message(all, callOf("pay"), "Content-Encoding: gzip"),
		"a batch":              s.message(all, "["+callOf("balance")+","+callOf("pay")+"]"),
		"two names of a tool":  s.message(all, `{"id":1,"method":"tools/call","params":{"name":"balance","name":"pay"}}`),
		"a tool in capitals":   s.message(all, callOf("PAY")),
		"a method in capitals": s.message(all, strings.Replace(callOf("pay"), "tools/call", "Tools/Call", 1)),
		"no message":           raw("POST /tools", bearer(s.token(map[string]any{"aud": tools, "scope": all})), "Content-Length: 0"),
		"with GET":             strings.Replace(s.message(all, `{"id":1,`), "POST", "GET", 1),
	} {
		a := s.do(request)
		require.Equal(t, 400, a.StatusCode, name)
		requireRefused(t, a, 400, "unreadable_message")
		require.NotContains(t, a.Body, "pay", name)
	}
	require.Empty(t, upstream.Requests())
	require.Equal(t, 200, s.do(s.message(all, callOf("pay"), append(current, "Mcp-Name: pay")...)).StatusCode)
	require.Equal(t, []string{"pay"}, upstream.Only().Values("Mcp-Name"))
}

// Whoever holds a message back is held to what has become of the token meanwhile.
func TestAMessageInChunksIsReadBeforeItIsSent(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := withResources(t, []gateway.Route{wallet(upstream.URL()), elsewhere("files")})
	head := func(scope string) string {
		return gatewaytest.Raw("POST /tools", bearer(s.token(map[string]any{"aud": tools, "scope": scope})), "Content-Type: application/json",
			"Transfer-Encoding: chunked", "Trailer: Mcp-Name")
	}
	message := callOf("pay")
	chunks := fmt.Sprintf("%x\r\n%s\r\n%x\r\n%s\r\n0\r\nMcp-Name: balance\r\n\r\n", 20, message[:20], len(message)-20, message[20:])
	requireRefused(t, s.do(head("tools:use")+chunks), 403, "insufficient_scope")
	require.Equal(t, 200, s.do(head("tools:use payments:send")+chunks).StatusCode)
	sent := upstream.Take()[0]
	require.Equal(t, message, sent.Body)
	require.Equal(t, []string{fmt.Sprint(len(message))}, sent.Values("Content-Length"))
	require.Empty(t, sent.Values("Mcp-Name"))

	big := strings.Replace(message, `"pay"`, `"pay","arguments":{"a":"`+strings.Repeat("x", 1<<20)+`"}`, 1)
	requireRefused(t, s.do(s.message("tools:use payments:send", big)), 413, "invalid_request")
	require.Empty(t, upstream.Requests())

	unbound := withResources(t, []gateway.Route{wallet(upstream.URL(), func(r *gateway.Route) { r.MaxBody = gateway.NoLimit }), elsewhere("files")})
	requireRefused(t, unbound.do(unbound.message("tools:use payments:send", big)), 413, "invalid_request")
	require.Empty(t, upstream.Requests(), "what is held in memory is bounded, also where bodies are not")
}

func TestWhatHasNoMessagePassesWithTheScopeOfTheRoute(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := withResources(t, []gateway.Route{wallet(upstream.URL()), elsewhere("files")})
	token := bearer(s.token(map[string]any{"aud": tools, "scope": "tools:use"}))
	for _, method := range []string{"GET", "DELETE"} {
		require.Equal(t, 200, s.do(raw(method+" /tools", token, "Mcp-Session-Id: 1", "Last-Event-Id: 2")).StatusCode)
		sent := upstream.Take()[0]
		require.Equal(t, []string{"1"}, sent.Values("Mcp-Session-Id"))
		require.Equal(t, []string{"2"}, sent.Values("Last-Event-Id"))
	}
}

func TestAnMCPServerWithoutScopesOfToolsIsSentWhatComes(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := withResources(t, []gateway.Route{elsewhere("files"), wallet(upstream.URL(), func(r *gateway.Route) { r.MCP = &gateway.MCP{} })})
	require.Equal(t, 200, s.do(s.message("tools:use", "[no message", "Mcp-Method: x")).StatusCode)
	require.Equal(t, "[no message", upstream.Only().Body)
}

// Events come when something happens, which may be in hours.
func TestAStreamOfEventsMayBeSilentUntilItsTokenEnds(t *testing.T) {
	const idle = 300 * time.Millisecond
	for name, test := range map[string]struct {
		change func(*gateway.Route)
		head   string
		isCut  bool
	}{
		"events":               {func(*gateway.Route) {}, eventsHead + "Transfer-Encoding: chunked\r\n\r\n", false},
		"events, with a bound": {func(r *gateway.Route) { r.IdleTimeout = idle }, eventsHead + "Transfer-Encoding: chunked\r\n\r\n", true},
		"another answer":       {func(*gateway.Route) {}, chunkedHead, true},
		"no MCP server":        {func(r *gateway.Route) { r.MCP = nil }, eventsHead + "Transfer-Encoding: chunked\r\n\r\n", true},
		"events, as a whole":   {func(r *gateway.Route) { r.Timeout = 2 * idle }, eventsHead + "Transfer-Encoding: chunked\r\n\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := newUpstream(t, func(l *link) {
				if l.ReadRequest() {
					l.Say(test.head + "5\r\nbegun\r\n")
					l.Hold()
				}
			})
			defer upstream.Release()
			clock := &movable{}
			s := withResources(t, []gateway.Route{wallet(upstream.URL(), test.change), elsewhere("files")}, clock.by, func(c *gateway.Config) {
				c.Upstreams.IdleTimeout = idle
			})
			c := s.dial()
			c.Send(raw("GET /tools", bearer(s.token(map[string]any{"aud": tools, "scope": "tools:use"})), "Accept: text/event-stream"))
			body := c.Begin().Body
			_, err := io.ReadFull(body, make([]byte, 5))
			require.NoError(t, err)
			ended := make(chan error, 1)
			go func() {
				_, err := io.ReadAll(body)
				ended <- err
			}()
			if test.isCut {
				require.ErrorIs(t, <-ended, io.ErrUnexpectedEOF)
				return
			}
			select {
			case err := <-ended:
				require.Fail(t, "it was cut", "%v", err)
			case <-time.After(6 * idle):
			}
			clock.move(10 * time.Hour)
			require.ErrorIs(t, <-ended, io.ErrUnexpectedEOF)
			upstream.AwaitEnd(0)
		})
	}
}

// A stream that says nothing is not asked to end by anything but the watch over its token.
func TestASilentStreamOfEventsIsCutWithItsToken(t *testing.T) {
	for name := range cutFor {
		for how, said := range map[string]string{"nothing yet": "", "one event": "5\r\nbegun\r\n"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				upstream := newUpstream(t, func(l *link) {
					if l.ReadRequest() {
						l.Say(eventsHead + "Transfer-Encoding: chunked\r\n\r\n" + said)
						l.Hold()
					}
				})
				defer upstream.Release()
				seen := make(witness, 2)
				s, clock, ring := endable(t, []gateway.Route{wallet(upstream.URL(), of(""))}, seen)
				c := s.dial()
				c.Send(raw("GET /tools", bearer(s.token(map[string]any{"scope": "tools:use"})), "Accept: text/event-stream"))
				body := c.Begin().Body
				begun, _, _ := strings.Cut(strings.TrimPrefix(said, "5\r\n"), "\r\n")
				_, err := io.ReadFull(body, make([]byte, len(begun)))
				require.NoError(t, err)
				endings(s, clock, ring)[name].happens()
				ended := time.Now()
				_, err = io.ReadAll(body)
				require.Less(t, time.Since(ended), within(name))
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				upstream.AwaitEnd(0)
				<-seen
				require.Equal(t, cutFor[name], (<-seen).Cut.String())
			})
		}
	}
}

// What holds for a stream of events does not hold for what follows on its connection.
func TestOnlyTheStreamOfEventsMayBeSilent(t *testing.T) {
	streaming := make(chan struct{})
	upstream := newUpstream(t, func(l *link) {
		if l.ReadRequest() {
			l.Say(eventsHead + "Transfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
			<-streaming
			l.Say("0\r\n\r\n")
		}
		if l.ReadRequest() {
			l.Say(chunkedHead + "5\r\nbegun\r\n")
			l.Hold()
		}
	})
	defer upstream.Release()
	s := withResources(t, []gateway.Route{wallet(upstream.URL()), elsewhere("files")}, func(c *gateway.Config) {
		c.Upstreams.IdleTimeout = 300 * time.Millisecond
	})
	c := s.dial()
	request := raw("GET /tools", bearer(s.token(map[string]any{"aud": tools, "scope": "tools:use"})))
	c.Send(request)
	events := c.Begin().Body
	_, err := io.ReadFull(events, make([]byte, 5))
	require.NoError(t, err)
	close(streaming)
	_, err = io.ReadAll(events)
	require.NoError(t, err)
	c.Send(request)
	_, err = io.ReadAll(c.Begin().Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Len(t, upstream.Requests(), 2)
}

func TestMCPThatCannotWorkIsRefused(t *testing.T) {
	for want, change := range map[string]func(*gateway.Route){
		"a public route has no token":                                       func(r *gateway.Route) { r.Public = true },
		"messages in a WebSocket are not read":                              func(r *gateway.Route) { r.WebSocket = true },
		"messages come with POST":                                           func(r *gateway.Route) { r.Methods = []string{"GET"} },
		`mcp.tools: "" is no name`:                                          func(r *gateway.Route) { r.MCP.Tools[""] = "a" },
		`mcp.tools: "a b" is no name`:                                       func(r *gateway.Route) { r.MCP.Tools["a b"] = "a" },
		`mcp.tools: Pay and pay differ only in case`:                        func(r *gateway.Route) { r.MCP.Tools["Pay"] = "a" },
		`mcp.tools: bad scope "" of list`:                                   func(r *gateway.Route) { r.MCP.Tools["list"] = "" },
		`mcp.methods: bad scope "a b" of ping`:                              func(r *gateway.Route) { r.MCP.Methods["ping"] = "a b" },
		"mcp.scopes: no tool and no method needs other":                     func(r *gateway.Route) { r.MCP.Scopes["other"] = gateway.ScopeText{} },
		`mcp.scopes: risk of files:read is "much", want read, write, spend`: func(r *gateway.Route) { r.MCP.Scopes["files:read"] = gateway.ScopeText{Risk: "much"} },
	} {
		err := gateway.Validate([]gateway.Route{wallet("http://127.0.0.1:1", of(""), change)}, gateway.DefaultUpstreams(), []byte(jwtSecret))
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, gateway.Validate([]gateway.Route{wallet("http://127.0.0.1:1", of(""))}, gateway.DefaultUpstreams(), []byte(jwtSecret)))
}

func TestUsersAreToldOfTheScopesOfTools(t *testing.T) {
	routes := []gateway.Route{wallet("http://127.0.0.1:1"), {
		Path: "/payments", Methods: []string{"POST"}, Scope: "payments:send", Description: "Send payments.",
		Spend: &gateway.Spending{Unit: "sat", Cost: "fixed:1"},
	}}
	require.Equal(t, map[string]string{
		"tools:use": "Use tools.", "payments:send": "Send payments.", "payments:read": "", "files:read": "Read files.",
	}, gateway.Scopes(routes))
	risks := map[string]string{}
	for scope, of := range gateway.Risks(routes) {
		risks[scope] = of.Risk
	}
	require.Equal(t, map[string]string{"tools:use": "write", "payments:send": "spend", "payments:read": "write", "files:read": "read"}, risks)
	around := gateway.WithoutBudget(routes)
	require.Len(t, around, 1, "a tool that pays with the scope of a budget is a way around it")
	require.Equal(t, "/tools", around[0].Path)
	require.Equal(t, "payments:send", around[0].Scope)

	set, err := gateway.NewResources(issuer, "", map[string]resource.Settings{"tools": {URL: tools}}, routes)
	require.NoError(t, err)
	document, ok := set.Document("", "/.well-known/oauth-protected-resource/tools")
	require.True(t, ok)
	require.Equal(t, []string{"files:read", "payments:read", "payments:send", "tools:use"}, document.Scopes)
}
