package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/internal/credential"
	"gatehouse/gateway/internal/routing"
	"gatehouse/gateway/internal/spend"
	"gatehouse/gateway/payment"
)

// Spending is what requests of a route spend of a user's budget, and how it is known what became of them. Pointers are JSON
// pointers (RFC 6901).
type Spending struct {
	// Unit is what is counted, in its smallest parts: sat.
	Unit string `yaml:"unit" json:"unit"`
	// Cost is how it is read what a request costs at most: lndhub_bolt11, lndhub_keysend, fixed:<amount> or json:<pointer>. The first
	// two are for the paths /v2/payments/bolt11 and /v2/payments/keysend of lndhub.go, and know all but what they have below.
	Cost string `yaml:"cost" json:"cost"`
	// Fee is what comes on top at most: fixed:<amount> or json:<pointer>.
	Fee string `yaml:"fee" json:"fee"`
	// Settle are pointers into an answer of 2xx to the amounts that together are what the request has cost. None: what was held.
	Settle []string `yaml:"settle" json:"settle"`
	// Key names what may be paid once: header:<name> or json:<pointer>. Empty means header:Idempotency-Key, which may be missing
	// where there is no Lookup.
	Key string `yaml:"key" json:"key"`
	// Lookup is how the upstream is asked what became of a request; nil: it cannot be.
	Lookup *Lookup `yaml:"lookup" json:"lookup"`
	// VoidOn are the statuses that prove that nothing was executed, nor will be.
	VoidOn []int `yaml:"void_on" json:"void_on"`

	// Network (bc, tb, tbs, bcrt), MaxFee (lndhub.go's MAX_FEE_AMOUNT, 0 for none) and ServiceFee (its SERVICE_FEE, per 1000) are for
	// lndhub_bolt11, and but for Network for lndhub_keysend.
	Network    string `yaml:"network" json:"network"`
	MaxFee     int64  `yaml:"max_fee" json:"max_fee"`
	ServiceFee int64  `yaml:"service_fee" json:"service_fee"`
}

// Lookup is how an upstream is asked what became of a request: by GET, with the credential of its user and client.
type Lookup struct {
	// Path is below the route's origin, and holds {key} once.
	Path string `yaml:"path" json:"path"`
	// State is a pointer to a text, Posted and Voided what it says of what was executed, and of what was not, nor will be.
	State  string   `yaml:"state" json:"state"`
	Posted []string `yaml:"posted" json:"posted"`
	Voided []string `yaml:"voided" json:"voided"`
	// Cost are pointers to the amounts that together were executed. None: what was held.
	Cost []string `yaml:"cost" json:"cost"`
	// Where are texts, by pointer, that an answer has to hold to be about the request.
	Where map[string]string `yaml:"where" json:"where"`
	// AbsentAfter is how long after a request a 404 proves that it was not executed, nor will be. 0: never.
	AbsentAfter time.Duration `yaml:"absent_after" json:"absent_after"`
}

// SpendUnits returns the units that scopes let applications spend: scope to unit, for the authorization server.
func SpendUnits(routes []Route) map[string]string {
	units := make(map[string]string)
	for _, r := range routes {
		for _, scope := range r.spendingScopes() {
			if scope != "" {
				units[scope] = r.Spend.Unit
			}
		}
	}
	return units
}

// WithoutBudget returns the routes that are ways around a budget: they spend, as far as is known of them, with a scope for which
// other routes count what is spent, and do not count it themselves. Of a route that is one by its MCP, Scope is the one in question.
func WithoutBudget(routes []Route) (around []Route) {
	units := SpendUnits(routes)
	for _, r := range routes {
		if _, counted := units[r.Scope]; counted && r.Spend == nil {
			if risk, _ := r.risk(); risk == Spend {
				around = append(around, r)
			}
		}
		for _, scope := range r.unpricedScopes() {
			if _, counted := units[scope]; counted {
				r.Scope = scope
				around = append(around, r)
			}
		}
	}
	return around
}

// maxSpendingBody is how much is read of a request that spends, and of its answer.
const maxSpendingBody = 64 << 10

// leastSpendingBody has room for the longest invoice.
const leastSpendingBody = 8 << 10

// outcomeMargin is for what no timeout of the route bounds: the ledger, and a process that has other things to do.
const outcomeMargin = 30 * time.Second

// longestSpending is far more than any payment takes, and less than a ledger refuses.
const longestSpending = 24 * time.Hour

// compileSpending returns nil for a route that spends nothing. basePath is that of its origin.
func compileSpending(route Route, basePath string, upstreams Upstreams, problem func(string, ...any)) *payment.Terms {
	if route.Spend == nil {
		return nil
	}
	of := *route.Spend
	wrong := func(err error) {
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range several.Unwrap() {
				problem("spend.%w", one)
			}
		} else if err != nil {
			problem("spend.%w", err)
		}
	}
	s := &payment.Terms{Route: route.name(), Unit: of.Unit}
	s.Within, s.SentWithin = spendingTime(&route, upstreams)
	wrong(checkSpendingRoute(&route))
	isHub := of.Cost == spend.Bolt11 || of.Cost == spend.Keysend
	switch {
	case isHub && of.Lookup != nil:
		problem("spend.lookup: %s knows whether and how lndhub.go can be asked", of.Cost)
	case isHub:
		base, ok := strings.CutSuffix(basePath+route.Path, hubPaths[of.Cost])
		if !ok || route.Credential != credential.LNDHub {
			problem("spend.cost: %s is for the path %s of lndhub.go, with its credential", of.Cost, hubVersion+hubPaths[of.Cost])
		}
		if !strings.HasSuffix(base, hubVersion) && ok {
			problem("spend.cost: %s is for the path %s of lndhub.go: its older API says less", of.Cost, hubVersion+hubPaths[of.Cost])
		}
		if of.Cost == spend.Bolt11 {
			s.Lookup = spend.HubLookup(base)
		}
	case of.Lookup != nil:
		var err error
		s.Lookup, err = spend.NewLookup(spend.LookupConfig{
			Path: basePath + of.Lookup.Path, State: of.Lookup.State, Posted: of.Lookup.Posted, Voided: of.Lookup.Voided,
			Cost: of.Lookup.Cost, Where: of.Lookup.Where, AbsentAfter: of.Lookup.AbsentAfter,
		})
		wrong(err)
		switch after := of.Lookup.AbsentAfter; {
		case route.Credential == credential.Forward:
			problem("spend.lookup: the credential forward is the caller's token, which nobody has when the upstream is asked")
		case after > 0 && after < s.Within:
			problem("spend.lookup.absent_after is %v: the request itself can take %v", after, s.Within)
		}
	}
	var err error
	s.Costs, err = spend.NewReader(spend.Config{
		Cost: of.Cost, Fee: of.Fee, Key: of.Key, Network: of.Network, MaxFee: of.MaxFee, ServiceFee: of.ServiceFee,
		NeedsKey: of.Lookup != nil || of.Key != "",
	})
	wrong(err)
	s.Answers, err = spend.NewAnswers(of.Cost, of.Settle, of.VoidOn)
	wrong(err)
	if err != nil || s.Costs == nil || !s.Costs.ReadsBody() {
		return s
	}
	for _, name := range route.Methods {
		if m := []byte(strings.ToUpper(name)); routing.IsSafe(m) {
			problem("spend: the cost is read from a body, and %s has none", name)
		}
	}
	if route.MaxBody > 0 && route.MaxBody < leastSpendingBody {
		problem("max_body is %d: what a request costs is read from its body, which takes up to %d", route.MaxBody, leastSpendingBody)
	}
	return s
}

// hubPaths are where lndhub.go pays, below hubVersion.
var hubPaths = map[string]string{spend.Bolt11: "/payments/bolt11", spend.Keysend: "/payments/keysend"}

const hubVersion = "/v2"

// checkSpendingRoute returns why requests of the route cannot spend.
func checkSpendingRoute(route *Route) error {
	var problems []error
	for _, check := range []struct {
		holds bool
		text  string
	}{
		{route.Public, "unit: a public route has no user who spends"},
		{route.WebSocket, "unit: what a WebSocket spends cannot be read"},
		{route.FromTargets, "unit: a route of a targets.json spends nothing"},
		{!isUnit(route.Spend.Unit), fmt.Sprintf("unit is %q, want 1 to 32 of a-z, 0-9, _ and -, such as sat", route.Spend.Unit)},
		{route.Risk != "" && route.Risk != Spend, fmt.Sprintf("unit: risk is %s, and the route spends", route.Risk)},
	} {
		if check.holds {
			problems = append(problems, errors.New(check.text))
		}
	}
	return errors.Join(problems...)
}

func isUnit(name string) bool {
	return name != "" && len(name) <= 32 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// spendingTime is how long it can take from the reservation until the outcome is known, and until the request was sent.
func spendingTime(route *Route, upstreams Upstreams) (all, sent time.Duration) {
	upstreams = upstreamsOf(route, upstreams)
	before := upstreams.ConnWait + upstreams.ConnectTimeout
	bound := cmp.Or(route.Timeout, before+upstreams.FirstByteTimeout+upstreams.IdleTimeout)
	all = min(bound, longestSpending) + outcomeMargin
	return all, min(before+outcomeMargin/2, all/2)
}

// checkUnits refuses two units of one scope: a user allows a scope one budget.
func checkUnits(routes []Route) error {
	units := make(map[string][]string)
	for _, r := range routes {
		for _, scope := range r.spendingScopes() {
			if !slices.Contains(units[scope], r.Spend.Unit) {
				units[scope] = append(units[scope], r.Spend.Unit)
			}
		}
	}
	var problems []error
	for _, scope := range slices.Sorted(maps.Keys(units)) {
		if of := units[scope]; len(of) > 1 {
			problems = append(problems, fmt.Errorf("routes with the scope %s spend several units: %s", scope, strings.Join(of, ", ")))
		}
	}
	return errors.Join(problems...)
}
