package gateway

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"gatehouse/gateway/internal/mcp"
	"gatehouse/gateway/payment"
)

// price is what a call of a tool costs.
type price struct{ terms *payment.Terms } // nil: nothing

// compilePrices makes a route that spends of each price. What the tool has done when its answer says that it has failed nobody knows: MCP
// servers say so with 200. So every answer that is no refusal of the route's VoidOn costs the price, and an answer of events does before
// its first event. What has no answer is unknown, and counts.
func compilePrices(route Route, basePath string, upstreams Upstreams, problem func(string, ...any)) map[string]*price {
	of := route.Spend
	if (of == nil) != (len(route.MCP.Prices) == 0) {
		problem("mcp.prices are what tools cost, and spend says in which unit: each needs the other")
		return nil
	}
	if of == nil {
		return nil
	}
	if of.Cost != "" || of.Fee != "" || len(of.Settle) > 0 || of.Lookup != nil {
		problem("spend has a cost, fee, settle or lookup, and mcp.prices say what is spent")
		return nil
	}
	spending := route.spendingScopes()
	for _, scope := range spending {
		if risk := route.MCP.Scopes[scope].Risk; risk != "" && risk != Spend {
			problem("mcp.scopes: risk of %s is %s, and a tool spends with it", scope, risk)
		}
	}
	if !slices.Contains(spending, route.Scope) {
		route.Risk = "" // it is about what spends nothing
	}
	prices := make(map[string]*price, len(route.MCP.Prices))
	for _, name := range slices.Sorted(maps.Keys(route.MCP.Prices)) {
		prices[name] = &price{}
		if route.MCP.Prices[name] == 0 {
			continue
		}
		spends := *of
		spends.Cost = fmt.Sprintf("fixed:%d", route.MCP.Prices[name])
		route.Spend = &spends
		prices[name].terms = compileSpending(route, basePath, upstreams, func(format string, args ...any) {
			problem("mcp.prices of %s: %w", name, fmt.Errorf(format, args...))
		})
	}
	return prices
}

// beginCall begins the payment of a call that has a price.
func (r *request) beginCall(g *Gateway, of *price, body []byte) (err error) {
	if of == nil || of.terms == nil {
		return nil
	}
	if r.seen.Claims.GrantID == "" {
		return errNoUser
	}
	if r.payment, err = g.payments.Begin(of.terms, r.costRequest(body, g.now()), r.logged()); err != nil {
		return unreadableCost(err)
	}
	return nil
}

// scopeOfTool is the one that says the most of a call: that of the tool, or else of all calls, or else of the route.
func (r *Route) scopeOfTool(name string) string {
	return cmp.Or(r.MCP.Tools[name], r.MCP.Tools[others], r.MCP.Methods[mcp.CallTool], r.MCP.Methods[others], r.Scope)
}

// spendingScopes are those with which requests of the route spend, each once.
func (r *Route) spendingScopes() (scopes []string) {
	switch {
	case r.Spend == nil:
	case r.MCP == nil:
		scopes = []string{r.Scope}
	default:
		for name, cost := range r.MCP.Prices {
			if cost > 0 {
				scopes = append(scopes, r.scopeOfTool(name))
			}
		}
		if r.MCP.Prices[others] > 0 { // the tools that are listed for their scopes have a price, too
			for name := range r.MCP.Tools {
				if _, has := r.MCP.Prices[name]; !has {
					scopes = append(scopes, r.scopeOfTool(name))
				}
			}
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// unpricedScopes are those of tools and methods of which nobody says that they cost nothing, and that are not counted.
func (r *Route) unpricedScopes() (scopes []string) {
	if r.MCP == nil {
		return nil
	}
	_, allHave := r.MCP.Prices[others]
	for name, scope := range r.MCP.Tools {
		if _, has := r.MCP.Prices[name]; !has && !allHave {
			scopes = append(scopes, scope)
		}
	}
	for name, scope := range r.MCP.Methods {
		if name != mcp.CallTool || len(r.MCP.Prices) == 0 {
			scopes = append(scopes, scope)
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}
