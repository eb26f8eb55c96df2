package gateway_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/gateway/payment"
)

func newInquiries(t *testing.T, routes ...gateway.Route) *gateway.Inquiries {
	t.Helper()
	q, err := gateway.NewInquiries(gateway.Config{Routes: routes, JWTSecret: []byte(jwtSecret), Now: func() time.Time { return now }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	return q
}

func inquiryOf(h payment.Hold) gateway.Inquiry {
	return gateway.Inquiry{
		Subject: h.Subject, ClientID: h.ClientID, Route: h.Route, Lookup: h.Lookup, Amount: h.Amount, ReservedAt: now.Add(-time.Hour),
	}
}

// What the gateway has written down of a payment is enough to find out what became of it.
func TestLndhubIsAskedWhatBecameOfAPayment(t *testing.T) {
	upstream := newUpstream(t, gatewaytest.AnsweringWith(func(r gatewaytest.Request) string {
		if r.Method == "POST" {
			return "" // it hangs up
		}
		return answerFor(`{"type":"outgoing","status":"settled","amount":250000,"fee":9}`)
	}))
	b := newBuyer(t, newLedger(-1), paying(upstream.URL()), at(beforeItExpires))
	require.Equal(t, 502, b.do(b.request("/v2/payments/bolt11", `{"invoice":"`+invoice+`"}`)).StatusCode)
	require.Equal(t, []string{"unknown"}, b.ledger.states())
	upstream.Take()

	q := newInquiries(t, paying(upstream.URL()))
	became, err := q.Ask(t.Context(), inquiryOf(b.ledger.hold(t, 0)))
	require.NoError(t, err)
	require.Equal(t, payment.Outcome{State: payment.Posted, Cost: 250_009}, became)
	asked := upstream.Only()
	require.Equal(t, "/v2/invoices/"+invoiceHash, asked.Target)
	credential, _ := strings.CutPrefix(asked.Values("Authorization")[0], "Bearer ")
	token, err := jwt.Parse(credential, func(*jwt.Token) (any, error) { return []byte(jwtSecret), nil }, jwt.WithTimeFunc(func() time.Time { return now }))
	require.NoError(t, err)
	require.EqualValues(t, 7, token.Claims.(jwt.MapClaims)["id"])
	require.Equal(t, "app", token.Claims.(jwt.MapClaims)["clientId"])
}

func TestWhatUpstreamsSayOfARequest(t *testing.T) {
	route := func(url string) gateway.Route {
		r := priced(url, func(s *gateway.Spending) {
			s.Lookup = &gateway.Lookup{
				Path: "/orders/{key}", State: "/state", Posted: []string{"done"}, Voided: []string{"failed"}, AbsentAfter: 30 * time.Minute,
			}
		})
		r.Origin, r.Credential = url+"/api", "headers"
		return r
	}
	of := gateway.Inquiry{Subject: "7", ClientID: "app", Route: "POST /orders", Lookup: "n/1", Amount: 5, ReservedAt: now.Add(-time.Hour)}
	for answer, want := range map[string]payment.Outcome{
		answerFor(`{"state":"done"}`):                                    {State: payment.Posted, Cost: 5},
		answerFor(`{"state":"failed"}`):                                  {State: payment.Voided},
		answerFor(`{"state":"new"}`):                                     {State: payment.Unsure},
		"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n":                   {State: payment.Voided},
		"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n":                   {State: payment.Unsure},
		"HTTP/1.1 302 There\r\nLocation: /\r\nContent-Length: 0\r\n\r\n": {State: payment.Unsure},
		chunkedHead + "10\r\n{\"state\":\"done\"}\r\n0\r\n\r\n":          {State: payment.Posted, Cost: 5},
	} {
		upstream := newUpstream(t, answering(answer))
		became, err := newInquiries(t, route(upstream.URL())).Ask(t.Context(), of)
		require.NoError(t, err)
		require.Equal(t, want, became, answer)
		require.Equal(t, "/api/orders/n%2F1", upstream.Only().Target)
		require.Equal(t, []string{"7"}, upstream.Only().Values("X-Gatehouse-Subject"))
		require.Equal(t, []string{"app"}, upstream.Only().Values("X-Gatehouse-Client"))
	}
	for _, script := range []gatewaytest.Script{
		func(c *gatewaytest.Conn) { c.ReadRequest() },
		func(c *gatewaytest.Conn) {
			c.ReadRequest()
			c.Say("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"state\":\"failed\"}")
		},
		answering(answerFor(strings.Repeat("x", 65<<10))),
		func(c *gatewaytest.Conn) { c.ReadRequest(); c.Hold() },
	} {
		upstream := newUpstream(t, script)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err := newInquiries(t, route(upstream.URL())).Ask(ctx, of)
		cancel()
		require.Error(t, err)
		require.NotErrorIs(t, err, gateway.ErrNoLookup)
		require.Len(t, upstream.Requests(), 1, "it is asked once")
	}
}

func TestWhatCannotBeAskedSaysSo(t *testing.T) {
	q := newInquiries(t, priced("http://localhost:1", func(s *gateway.Spending) { s.Unit = "sat" }), paying("http://localhost:1"))
	for name, of := range map[string]gateway.Inquiry{
		"a route without a lookup":      {Subject: "7", Route: "POST /orders", Lookup: "x"},
		"a route that is there no more": {Subject: "7", Route: "POST /gone", Lookup: "x"},
		"a request without a key":       {Subject: "7", Route: "POST /v2/payments/bolt11"},
	} {
		_, err := q.Ask(t.Context(), of)
		require.ErrorIs(t, err, gateway.ErrNoLookup, name)
	}
	_, err := q.Ask(t.Context(), gateway.Inquiry{Subject: "alice", Route: "POST /v2/payments/bolt11", Lookup: "00 1"})
	require.Error(t, err, "no user of lndhub.go")
	_, err = gateway.NewInquiries(gateway.Config{Routes: []gateway.Route{priced("ftp://x")}})
	require.Error(t, err)
}
