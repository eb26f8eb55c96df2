package gateway_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/gateway/payment"
)

// market is a route to an MCP server whose tools have prices.
func market(upstream string, change ...func(*gateway.Route)) gateway.Route {
	return wallet(upstream, append([]func(*gateway.Route){of(""), func(r *gateway.Route) {
		r.Spend = &gateway.Spending{Unit: "credit", VoidOn: []int{402}}
		r.MCP = &gateway.MCP{Tools: map[string]string{"pay": "payments:send"}, Prices: map[string]int64{"search": 2, "pay": 50, "help": 0}}
	}}, change...)...)
}

// calls sends a message with all the scopes that there are.
func (b *buyer) calls(body string, headers ...string) answer {
	b.t.Helper()
	token := bearer(b.token(map[string]any{"scope": "tools:use payments:send"}))
	return b.do(withBody(body, "POST /tools", append([]string{token, "Content-Type: application/json"}, headers...)...))
}

const failedTool = `{"jsonrpc":"2.0","id":1,"result":{"isError":true,"content":[]}}`

func TestACallOfAToolCostsItsPrice(t *testing.T) {
	upstream := newUpstream(t, answering(answerFor(`{"jsonrpc":"2.0","id":1,"result":{}}`)))
	b := newBuyer(t, newLedger(60), market(upstream.URL()))
	require.Equal(t, 200, b.calls(callOf("search")).StatusCode)
	require.Equal(t, callOf("search"), upstream.Take()[0].Body, "the bytes that were read are the bytes that are sent")
	require.Equal(t, 200, b.calls(callOf("pay")).StatusCode)
	require.Equal(t, []string{"posted 2", "posted 50"}, b.ledger.states())
	h := b.ledger.hold(t, 1)
	require.Equal(t, payment.Hold{
		ID: h.ID, Subject: "7", ClientID: "app", Unit: "credit", Route: "GET,POST,DELETE /tools", Amount: 50, Within: h.Within,
	}, h)

	upstream.Take()
	requireRefusedSpend(t, b.calls(callOf("pay")), 403, "budget_exceeded")
	require.Empty(t, upstream.Requests())
	for _, free := range []string{callOf("help"), callOf("another"), `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, failedTool} {
		require.Equal(t, 200, b.calls(free).StatusCode, free)
	}
	require.Len(t, b.ledger.states(), 2, "what has no price costs nothing")
	require.Equal(t, []payment.Spent{
		{Outcome: payment.SpendPosted, Held: 2, Cost: 2}, {Outcome: payment.SpendPosted, Held: 50, Cost: 50},
		{Outcome: payment.SpendRefused, Reason: payment.BudgetExceeded},
	}, b.observed())
}

// The hold is there before the first byte goes to the upstream, and what was paid before the first event reaches the caller.
func TestAToolIsPaidBeforeItsEvents(t *testing.T) {
	b := &buyer{}
	seen := make(chan []string, 1)
	upstream := newUpstream(t, func(c *gatewaytest.Conn) {
		if c.ReadRequest() {
			seen <- b.ledger.states()
			c.Say(eventsHead + "Transfer-Encoding: chunked\r\n\r\n")
			c.Hold()
		}
	})
	defer upstream.Release()
	b = newBuyer(t, newLedger(10), market(upstream.URL()))
	c := b.dial()
	c.Send(withBody(callOf("search"), "POST /tools", bearer(b.token(map[string]any{"scope": "tools:use"})), "Content-Type: application/json"))
	require.Equal(t, 200, c.Begin().StatusCode)
	require.Equal(t, []string{"held 2"}, <-seen)
	require.Equal(t, []string{"posted 2"}, b.ledger.states())
}

// The events of a call that was paid are nobody's once its caller has left: they do not take a connection for as long as a token is good.
func TestTheEventsOfAPaidCallEndWithTheirCaller(t *testing.T) {
	for name, said := range map[string]string{"nothing yet": "", "one event": "5\r\nbegun\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := newUpstream(t, func(l *link) {
				if l.ReadRequest() {
					l.Say(eventsHead + "Transfer-Encoding: chunked\r\n\r\n" + said)
					l.Hold()
				}
			})
			defer upstream.Release()
			b := newBuyer(t, newLedger(10), market(upstream.URL()))
			c := b.dial()
			c.Send(withBody(callOf("search"), "POST /tools", bearer(b.token(map[string]any{"scope": "tools:use"})), "Content-Type: application/json"))
			require.Equal(t, 200, c.Begin().StatusCode)
			c.Close()
			upstream.AwaitEnd(0)
			require.Equal(t, []string{"posted 2"}, b.ledger.states(), "and stay paid")
		})
	}
}

// What a tool has done that says it has failed nobody knows.
func TestWhatBecomesOfThePriceOfATool(t *testing.T) {
	status := func(line string) string { return "HTTP/1.1 " + line + "\r\nContent-Length: 0\r\n\r\n" }
	for name, test := range map[string]struct {
		script gatewaytest.Script
		answer int
		state  string
	}{
		"a tool that has failed":  {answering(answerFor(failedTool)), 200, "posted 2"},
		"an error":                {answering(answerFor(`{"jsonrpc":"2.0","id":1,"error":{"code":-32602}}`)), 200, "posted 2"},
		"accepted":                {answering(status("202 Accepted")), 202, "posted 2"},
		"a refusal that is known": {answering(status("402 Payment Required")), 402, "voided"},
		"another refusal":         {answering(status("400 Bad Request")), 400, "unknown"},
		"a failure":               {answering(status("500 Oops")), 500, "unknown"},
		"a redirect":              {answering(status("307 There\r\nLocation: /x")), 307, "unknown"},
		"no answer":               {func(c *gatewaytest.Conn) { c.ReadRequest() }, 502, "unknown"},
		"half a head": {func(c *gatewaytest.Conn) {
			c.ReadRequest()
			c.Say("HTTP/1.1 200 OK\r\n")
		}, 502, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuyer(t, newLedger(10), market(newUpstream(t, test.script).URL()))
			require.Equal(t, test.answer, b.calls(callOf("search")).StatusCode)
			b.ledger.requireStates(t, test.state)
		})
	}
	b := newBuyer(t, newLedger(10), market("http://127.0.0.1:1"))
	require.Equal(t, 502, b.calls(callOf("search")).StatusCode)
	b.ledger.requireStates(t, "voided")
}

func TestNobodyGetsPastThePriceOfATool(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	b := newBuyer(t, newLedger(1), market(upstream.URL(), func(r *gateway.Route) { r.MCP.Tools, r.MCP.Prices = nil, map[string]int64{"search": 2} }))
	for name, body := range map[string]string{
		"a batch":          "[" + callOf("search") + "]",
		"capitals":         callOf("Search"),
		"two names":        `{"id":1,"method":"tools/call","params":{"name":"help","name":"search"}}`,
		"a method's case":  `{"id":1,"method":"Tools/call","params":{"name":"search"}}`,
		"a name in escape": `{"id":1,"method":"tools/call","params":{"name":"se\u0061rch"}}`,
		"a notification":   `{"method":"tools/call","params":{"name":"search"}}`,
		"a call":           callOf("search"),
	} {
		require.Contains(t, []int{400, 403}, b.calls(body).StatusCode, name)
	}
	require.Equal(t, 400, b.calls(callOf("help"), "Mcp-Name: search").StatusCode)
	require.Equal(t, 400, b.do(withBody(callOf("search"), "GET /tools", bearer(b.token(map[string]any{"scope": "tools:use"})))).StatusCode)
	require.Empty(t, upstream.Requests())
	require.Empty(t, b.ledger.states())

	b.ledger.reserve = func(context.Context, payment.Hold) error { return errLedgerAway }
	requireRefusedSpend(t, b.calls(callOf("search")), 503, "budget_unavailable")
	require.Empty(t, upstream.Requests())
	require.Equal(t, 200, b.calls(callOf("help")).StatusCode, "what is free needs no ledger")
}

func TestAClientOfItsOwnCallsWhatIsFree(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	b := newBuyer(t, newLedger(10), market(upstream.URL()))
	own := bearer(b.token(map[string]any{"scope": "tools:use", "grant_id": nil, "sub": "app"}))
	call := func(tool string) answer {
		return b.do(withBody(callOf(tool), "POST /tools", own, "Content-Type: application/json"))
	}
	require.Equal(t, 200, call("help").StatusCode)
	a := call("search")
	require.Equal(t, 403, a.StatusCode, a.Body)
	require.Len(t, upstream.Requests(), 1)
}

func TestThePriceOfAllOtherTools(t *testing.T) {
	b := newBuyer(t, newLedger(-1), market(newUpstream(t, answerAll).URL(), func(r *gateway.Route) {
		r.MCP.Prices = map[string]int64{"*": 7, "help": 0}
		r.Spend.Key = "header:Order"
	}), func(c *gateway.Config) {
		c.Routes = append([]gateway.Route{balance("http://127.0.0.1:1")}, c.Routes...)
	})
	for _, tool := range []string{"help", "any", "pay"} {
		require.Equal(t, 200, b.calls(callOf(tool), "Order: "+tool).StatusCode)
	}
	require.Equal(t, []string{"posted 7", "posted 7"}, b.ledger.states())
	require.Equal(t, 1, b.observed()[0].Route)
	requireRefusedSpend(t, b.calls(callOf("any"), "Order: any"), 409, "already_paid")
	require.Equal(t, 400, b.calls(callOf("any")).StatusCode, "the route asks for a key")
}

// The scope with which a tool spends is the one that users see a budget beside.
func TestTheScopesOfToolsWithAPriceSpend(t *testing.T) {
	const up = "http://127.0.0.1:1"
	for name, test := range map[string]struct {
		change func(*gateway.Route)
		spend  string
	}{
		"of the tool, and of the route": {func(*gateway.Route) {}, "[payments:send tools:use]"},
		"of the tool alone":             {func(r *gateway.Route) { r.MCP.Prices = map[string]int64{"pay": 1} }, "[payments:send]"},
		"of other tools":                {func(r *gateway.Route) { r.MCP.Prices, r.MCP.Tools["*"] = map[string]int64{"x": 1}, "tools:any" }, "[tools:any]"},
		"of calls":                      {func(r *gateway.Route) { r.MCP.Methods = map[string]string{"tools/call": "tools:call"} }, "[payments:send tools:call]"},
		"of every method":               {func(r *gateway.Route) { r.MCP.Methods = map[string]string{"*": "any:method"} }, "[any:method payments:send]"},
		"of every tool":                 {func(r *gateway.Route) { r.MCP.Prices = map[string]int64{"*": 1} }, "[payments:send tools:use]"},
	} {
		route := market(up, test.change)
		require.NoError(t, gateway.Validate([]gateway.Route{route}, gateway.Upstreams{}, nil), name)
		units, spend := gateway.SpendUnits([]gateway.Route{route}), []string{}
		for _, scope := range []string{"any:method", "payments:send", "tools:any", "tools:call", "tools:use"} {
			_, counts := units[scope]
			if require.Equal(t, counts, gateway.Risks([]gateway.Route{route})[scope].Risk == gateway.Spend, "%s: %s", name, scope); counts {
				spend = append(spend, scope)
			}
		}
		require.Equal(t, test.spend, fmt.Sprint(spend), name)
	}
	route := market(up)
	route.MCP.Prices = map[string]int64{"search": 1}
	counts := priced(up)
	counts.Path = "/orders"
	around := gateway.WithoutBudget([]gateway.Route{route, counts})
	require.Len(t, around, 1, "a tool without a price, with a scope that others count")
	require.Equal(t, "payments:send", around[0].Scope)
	route.MCP.Prices["pay"] = 0
	require.Empty(t, gateway.WithoutBudget([]gateway.Route{route, counts}), "who says that it costs nothing has thought of it")
}

func TestPricesThatCannotWorkAreRefused(t *testing.T) {
	for want, change := range map[string]func(*gateway.Route){
		"each needs the other":                   func(r *gateway.Route) { r.Spend = nil },
		"mcp.prices are what tools cost":         func(r *gateway.Route) { r.MCP.Prices = nil },
		"spend has a cost":                       func(r *gateway.Route) { r.Spend.Cost = "fixed:1" },
		"fee, settle or lookup":                  func(r *gateway.Route) { r.Spend.Settle = []string{"/cost"} },
		"mcp.prices of pay: spend.cost":          func(r *gateway.Route) { r.MCP.Prices["pay"] = -1 },
		`mcp.prices of pay: spend.unit is ""`:    func(r *gateway.Route) { r.Spend.Unit = "" },
		"mcp.prices of pay: spend.void_on: 500":  func(r *gateway.Route) { r.Spend.VoidOn = []int{500} },
		`mcp.prices: "a b" is no name`:           func(r *gateway.Route) { r.MCP.Prices["a b"] = 1 },
		"mcp.prices: PAY and pay differ only":    func(r *gateway.Route) { r.MCP.Prices["PAY"] = 1 },
		"a public route has no token":            func(r *gateway.Route) { r.Public = true },
		"risk is read, and the route spends":     func(r *gateway.Route) { r.Risk = gateway.Read },
		"risk of payments:send is read, and a t": func(r *gateway.Route) { r.MCP.Scopes = map[string]gateway.ScopeText{"payments:send": {Risk: "read"}} },
	} {
		err := gateway.Validate([]gateway.Route{market("http://127.0.0.1:1", change)}, gateway.DefaultUpstreams(), []byte(jwtSecret))
		require.ErrorContains(t, err, want)
	}
	other := priced("http://127.0.0.1:1", func(s *gateway.Spending) { s.Unit = "sat" })
	require.ErrorContains(t, gateway.Validate([]gateway.Route{market("http://127.0.0.1:1"), other}, gateway.Upstreams{}, nil), "several units: credit, sat")
	_, err := gateway.New(gateway.Config{Routes: []gateway.Route{market("http://127.0.0.1:1")}})
	require.ErrorContains(t, err, "no ledger")
}
