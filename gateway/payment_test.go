package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

func TestWhichRoutesPay(t *testing.T) {
	for _, test := range []struct {
		origin, path, method string
		isPayment            bool
	}{
		{"http://lndhub:3000/v2", "/payments/bolt11", "POST", true},
		{"http://lndhub:3000/v2", "/payments/keysend", "POST", true},
		{"http://lndhub:3000/v2", "/payments/keysend/multi", "POST", true},
		{"http://lndhub:3000", "/payinvoice", "POST", true},
		{"http://lndhub:3000", "/keysend", "POST", true},
		{"http://lndhub:3000/v2/payments", "/bolt11", "POST", true},
		{"http://lndhub:3000/v2", "/payments/{hash}", "GET", false},
		{"http://lndhub:3000/v2", "/invoices", "POST", false},
		{"http://lndhub:3000", "/addinvoice", "POST", false},
		{"http://payments:3000", "/create", "POST", false},
		{"http://lndhub:3000", "/payinvoices", "POST", false},
	} {
		routes, _, err := gateway.ParseTargets(fmt.Appendf(nil, `[{"matchRoute": %q, "origin": %q, "method": %q, "scope": "x"}]`,
			test.path, test.origin, test.method))
		require.NoError(t, err)
		require.Equal(t, test.isPayment, routes[0].IsPayment(), test)
	}
}

// A payment of targets.json gets its answer after the time has passed in which another request would have had to.
func TestAPaymentThatTakesLongerThanOtherRequestsIsAnswered(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			l.Hold()
			l.Say(okAnswer)
		}
	})
	defer upstream.Release()
	routes, _, err := gateway.ParseTargets(fmt.Appendf(nil, `[
		{"matchRoute": "/payments/keysend", "origin": %[1]q, "method": "POST", "scope": "balance:read"},
		{"matchRoute": "/invoices", "origin": %[1]q, "method": "POST", "scope": "balance:read"}]`, upstream.URL()+"/v2"))
	require.NoError(t, err)
	routes[1].FromTargets = false // whose routes all have time
	s := newSystem(t, routes, options{config: func(c *gateway.Config) { c.Upstreams.FirstByteTimeout = soon }})
	token := bearer(s.token(nil))
	paying := s.dial()
	paying.Send(withBody("{}", "POST /payments/keysend", token))
	require.Eventually(t, func() bool { return len(upstream.Requests()) == 1 }, patience, time.Millisecond)
	a := s.do(withBody("{}", "POST /invoices", token)) // sent later, and given up meanwhile
	requireRefused(t, a, 504, "gateway_timeout")
	requireSent(t, a, gateway.OutcomeUnknown)
	upstream.Release()
	require.Equal(t, 200, paying.Receive("POST").StatusCode)
}
