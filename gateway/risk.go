package gateway

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/routing"
)

// What Risk can be, the least first: what the scope of a route lets an application do, as users are told.
const (
	Read  = "read"
	Write = "write"
	Spend = "spend"
)

var risks = []string{Read, Write, Spend}

// ScopeRisk is what a scope lets an application do, and which route makes it so.
type ScopeRisk struct {
	Risk string
	// Because is the route, and how its risk is known.
	Because string
}

// Risks returns what the scopes of the routes let an application do. A scope of several routes has the highest risk of theirs.
func Risks(routes []Route) map[string]ScopeRisk {
	highest := make(map[string]ScopeRisk)
	add := func(r *Route, scope, risk, why string) {
		if known, ok := highest[scope]; !ok || slices.Index(risks, risk) > slices.Index(risks, known.Risk) {
			highest[scope] = ScopeRisk{risk, fmt.Sprintf("%s %s %s", strings.Join(r.Methods, ","), r.Path, why)}
		}
	}
	for i := range routes {
		r := &routes[i]
		if r.Scope != "" {
			risk, why := r.risk()
			add(r, r.Scope, risk, why)
		}
		spending := r.spendingScopes()
		for _, scope := range r.mcpScopes() {
			switch risk := r.MCP.Scopes[scope].Risk; {
			case slices.Contains(spending, scope):
				add(r, scope, Spend, "spends a budget, by its tools")
			case risk != "":
				add(r, scope, risk, "says so")
			default:
				add(r, scope, Write, "may change something, by its tools")
			}
		}
	}
	return highest
}

// risk is what the route says. Where it says nothing its methods tell: what changes nothing by HTTP's rules is reading, everything
// else is writing, and spending where the path speaks of payments. A WebSocket carries messages both ways, whatever its method
// says; of targets.json every GET may be one.
func (r *Route) risk() (risk, why string) {
	isSafe := !slices.ContainsFunc(r.Methods, func(name string) bool { return !routing.IsSafe([]byte(strings.ToUpper(name))) })
	switch {
	case slices.Contains(r.spendingScopes(), r.Scope):
		return Spend, "spends a budget"
	case r.Risk != "":
		return r.Risk, "says so"
	case isSafe && (!r.WebSocket || r.FromTargets):
		return Read, "only reads, by its methods"
	case isSafe:
		return Write, "is a WebSocket"
	case r.isAboutPayments():
		return Spend, "is about payments, by its path"
	}
	return Write, "may change something, by its methods"
}

// isAboutPayments holds for a path, as the upstream sees it, with one of the segments that lndhub.go pays at.
func (r *Route) isAboutPayments() bool {
	path := r.Path
	if origin, err := url.Parse(r.Origin); err == nil {
		path = origin.Path + path
	}
	return slices.ContainsFunc(strings.Split(path, "/"), func(segment string) bool { return slices.Contains(paymentPaths, segment) })
}

// PaymentTimeout is how long lndhub.go may take to answer a payment. It pays for as long as its node tries, whether or not
// anybody waits: who gives up before does not know whether it was paid.
const PaymentTimeout = 5 * time.Minute

// paymentPaths are segments of lndhub.go's paths that a POST pays at: /payinvoice, /keysend, and what is below /v2/payments.
var paymentPaths = []string{"payinvoice", "keysend", "payments"}

// IsPayment reports whether the route leads to a payment of lndhub.go, as far as its method and its path there tell.
func (r *Route) IsPayment() bool {
	isPost := slices.ContainsFunc(r.Methods, func(name string) bool { return strings.EqualFold(name, "POST") })
	if r.Credential != credential.LNDHub || !isPost {
		return false
	}
	return r.isAboutPayments()
}
