package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

func TestWhatAScopeLetsAnApplicationDo(t *testing.T) {
	for _, test := range []struct {
		route gateway.Route
		want  string
	}{
		{gateway.Route{Methods: []string{"GET"}, Path: "/balance"}, gateway.Read},
		{gateway.Route{Methods: []string{"GET", "HEAD", "OPTIONS"}, Path: "/payments"}, gateway.Read},
		{gateway.Route{Methods: []string{"get"}, Path: "/balance", Risk: "spend"}, gateway.Spend},
		{gateway.Route{Methods: []string{"GET"}, Path: "/stream", WebSocket: true}, gateway.Write},
		{gateway.Route{Methods: []string{"GET"}, Path: "/stream", WebSocket: true, Risk: "read"}, gateway.Read},
		{gateway.Route{Methods: []string{"GET"}, Path: "/balance", WebSocket: true, FromTargets: true}, gateway.Read},
		{gateway.Route{Methods: []string{"POST"}, Path: "/invoices"}, gateway.Write},
		{gateway.Route{Methods: []string{"GET", "DELETE"}, Path: "/invoices"}, gateway.Write},
		{gateway.Route{Methods: []string{"POST"}, Path: "/payments/bolt11"}, gateway.Spend},
		{gateway.Route{Methods: []string{"PUT"}, Path: "/keysend", Credential: "forward"}, gateway.Spend},
		{gateway.Route{Methods: []string{"POST"}, Path: "/x", Origin: "http://a/v2/payments"}, gateway.Spend},
		{gateway.Route{Methods: []string{"POST"}, Path: "/payments/bolt11", Risk: "read"}, gateway.Read},
	} {
		test.route.Scope = "x"
		require.Equal(t, test.want, gateway.Risks([]gateway.Route{test.route})["x"].Risk, test.route)
	}
	routes := []gateway.Route{
		{Methods: []string{"GET"}, Path: "/a", Scope: "x"}, {Methods: []string{"POST"}, Path: "/keysend", Scope: "x"},
		{Methods: []string{"POST"}, Path: "/b", Scope: "x"}, {Methods: []string{"GET"}, Path: "/c", Public: true},
	}
	require.Equal(t, map[string]gateway.ScopeRisk{"x": {gateway.Spend, "POST /keysend is about payments, by its path"}}, gateway.Risks(routes),
		"the highest")
}
