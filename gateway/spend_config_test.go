package gateway_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

func TestRoutesThatCannotSpend(t *testing.T) {
	const up = "http://localhost:1"
	lookup := gateway.Lookup{Path: "/orders/{key}", State: "/state", Posted: []string{"done"}}
	with := func(change func(*gateway.Route)) gateway.Route {
		r := priced(up)
		change(&r)
		return r
	}
	for _, route := range []gateway.Route{priced(up), paying(up), paying(up, func(r *gateway.Route) { r.Path, r.Origin = "/payments/bolt11", up+"/hub/v2/" })} {
		require.NoError(t, gateway.Validate([]gateway.Route{route}, gateway.Upstreams{}, []byte("x")))
	}
	for says, route := range map[string]gateway.Route{
		"a public route has no user":        with(func(r *gateway.Route) { r.Public = true }),
		"what a WebSocket spends":           with(func(r *gateway.Route) { r.WebSocket, r.Methods = true, []string{"GET"} }),
		"a route of a targets.json":         with(func(r *gateway.Route) { r.FromTargets = true }),
		"GET has none":                      with(func(r *gateway.Route) { r.Methods = []string{"POST", "GET"} }),
		`unit is ""`:                        with(func(r *gateway.Route) { r.Spend.Unit = "" }),
		`unit is "Sat s"`:                   with(func(r *gateway.Route) { r.Spend.Unit = "Sat s" }),
		"risk is read":                      with(func(r *gateway.Route) { r.Risk = gateway.Read }),
		"max_body is 100":                   with(func(r *gateway.Route) { r.MaxBody = 100 }),
		`cost is "lnd"`:                     with(func(r *gateway.Route) { r.Spend.Cost = "lnd" }),
		`"amount" is no JSON pointer`:       with(func(r *gateway.Route) { r.Spend.Cost = "json:amount" }),
		`settle: "cost" is no JSON pointer`: with(func(r *gateway.Route) { r.Spend.Settle = []string{"cost"} }),
		"fee is":                            with(func(r *gateway.Route) { r.Spend.Fee = "1%" }),
		"key is":                            with(func(r *gateway.Route) { r.Spend.Key = "query:id" }),
		"void_on: 500":                      with(func(r *gateway.Route) { r.Spend.VoidOn = []int{500} }),
		"the credential forward":            with(func(r *gateway.Route) { r.Credential, r.Spend.Lookup = "forward", &lookup }),
		"lookup.path": with(func(r *gateway.Route) {
			r.Spend.Lookup = &gateway.Lookup{Path: "/x", State: "/s", Posted: []string{"a"}}
		}),
		"absent_after is 1s":                  with(func(r *gateway.Route) { l := lookup; l.AbsentAfter, r.Spend.Lookup = time.Second, &l }),
		"lndhub_bolt11 is for the path":       paying(up, func(r *gateway.Route) { r.Path = "/payinvoice" }),
		"its older API says less":             paying(up, func(r *gateway.Route) { r.Path = "/payments/bolt11" }),
		"with its credential":                 paying(up, func(r *gateway.Route) { r.Credential = "headers" }),
		"lndhub_bolt11 knows whether and how": paying(up, func(r *gateway.Route) { r.Spend.Lookup = &lookup }),
		"lndhub_bolt11 knows them":            paying(up, func(r *gateway.Route) { r.Spend.VoidOn = []int{400} }),
		"lndhub_keysend is for the path":      paying(up, func(r *gateway.Route) { r.Spend.Cost = "lndhub_keysend" }),
	} {
		require.ErrorContains(t, gateway.Validate([]gateway.Route{route}, gateway.Upstreams{}, []byte("x")), says)
	}
	other := priced(up, func(s *gateway.Spending) { s.Unit = "sat" })
	other.Path = "/others"
	require.ErrorContains(t, gateway.Validate([]gateway.Route{priced(up), other}, gateway.Upstreams{}, nil),
		"routes with the scope payments:send spend several units: credit, sat")
	_, err := gateway.New(gateway.Config{Routes: []gateway.Route{priced(up)}})
	require.ErrorContains(t, err, "no ledger")
	require.Equal(t, map[string]string{"payments:send": "credit"}, gateway.SpendUnits([]gateway.Route{priced(up)}))
	require.Equal(t, gateway.Spend, gateway.Risks([]gateway.Route{priced(up)})["payments:send"].Risk)
}
