package config

import "time"

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
	// Keep is how long payments are listed.
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
