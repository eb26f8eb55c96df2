package config

import (
	"net/url"
	"slices"
	"time"
	_ "time/tzdata" // budgets.time_zone is known also where the system has no zones: the image has nothing but the program

	"gatehouse/authz/budget"
	"gatehouse/gateway"
	"gatehouse/registry"
)

// Budgets configures what users let clients spend.
type Budgets struct {
	// Listen is where an authorization server answers gateways on their own; empty: nowhere. URL is where a gateway on its own
	// asks. Both have the same Token.
	Listen string `yaml:"listen"`
	URL    string `yaml:"url"`
	Token  Secret `yaml:"token"`
	// Timeout is how long a question may take. After that the request is refused, and was not sent.
	Timeout time.Duration `yaml:"timeout"`
	// Default is what a client may spend whose user was never asked how much.
	Default DefaultBudget `yaml:"default"`
	// AllowUnlimited lets users allow any sum.
	AllowUnlimited bool `yaml:"allow_unlimited"`
	// TimeZone is whose calendar days, weeks, months and years follow. Alignment is FromCalendar, or FromConsent: they begin when
	// the user decided.
	TimeZone  string `yaml:"time_zone"`
	Alignment string `yaml:"alignment"`
	// Keep is how long payments are listed, and known not to be made twice. At least minKeep.
	Keep time.Duration `yaml:"keep"`
}

// DefaultBudget is a limit; 0 means none.
type DefaultBudget struct {
	Limit      int64  `yaml:"limit"`
	Period     string `yaml:"period"`
	MaxPayment int64  `yaml:"max_payment"`
}

// What Budgets.Alignment can be.
const (
	FromCalendar = "calendar"
	FromConsent  = "consent"
)

const (
	// maxBudgetTimeout is the most that budgets.timeout can be: a payment waits as long before it is refused.
	maxBudgetTimeout = 30 * time.Second
	// minKeep is the least that budgets.keep can be. When a user changes a budget's period, what the new window has seen is
	// counted from its payments, and the longest window is a leap year, with an hour more or less for summer time.
	minKeep = 367 * 24 * time.Hour
)

func (c *Config) checkBudgets(v *validation, role Role) {
	b := c.Budgets
	if b.Token != "" && len(b.Token) < minSecretLength {
		v.add("budgets.token", "has fewer than %d bytes: who guesses it can spend every budget (openssl rand -hex 32 makes a good one)", minSecretLength)
	}
	v.between("budgets.timeout", b.Timeout, 10*time.Millisecond, maxBudgetTimeout)
	if role.HasAuthz() {
		if b.Listen != "" {
			v.address("budgets.listen", b.Listen)
			if b.Token == "" && !isLoopback(b.Listen) {
				v.add("budgets.token", "is required because budgets.listen %q is not a loopback address", b.Listen)
			}
		}
		c.checkLedger(v)
	}
	spends := slices.ContainsFunc(c.Routes, func(r gateway.Route) bool { return r.Spend != nil })
	switch {
	case role != GatewayOnly: // it asks itself
	case b.URL != "":
		v.url("budgets.url", b.URL)
		if parsed, err := url.Parse(b.URL); err == nil && b.Token == "" && !isLoopbackHost(parsed.Hostname()) {
			v.add("budgets.token", "is required because budgets.url is not on a loopback address")
		}
	case spends:
		v.add("budgets.url", "is required because there are routes that spend: an authorization server has it as budgets.listen")
	}
}

// checkLedger is about what is kept, and how.
func (c *Config) checkLedger(v *validation) {
	b := c.Budgets
	v.amount("budgets.default.limit", b.Default.Limit)
	v.amount("budgets.default.max_payment", b.Default.MaxPayment)
	periods := make([]string, 0, len(budget.Periods()))
	for _, p := range budget.Periods() {
		periods = append(periods, string(p))
	}
	v.oneOf("budgets.default.period", b.Default.Period, periods...)
	if !b.AllowUnlimited && b.Default.Limit == 0 {
		v.add("budgets.default.limit", "is required because budgets.allow_unlimited is false")
	}
	if _, err := time.LoadLocation(b.TimeZone); err != nil || b.TimeZone == "" || b.TimeZone == "Local" {
		v.add("budgets.time_zone", "must be a name of the time zone database such as UTC or Europe/Berlin, not %q", b.TimeZone)
	}
	v.oneOf("budgets.alignment", b.Alignment, FromCalendar, FromConsent)
	v.atLeast("budgets.keep", b.Keep, minKeep)
}

// amount is for what can be counted: 0 is none.
func (v *validation) amount(key string, n int64) {
	if n < 0 || n > registry.MaxAmount {
		v.add(key, "must be 0 to %d, not %d", int64(registry.MaxAmount), n)
	}
}
