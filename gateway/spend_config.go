package gateway

// Spending is what requests of a route spend of a user's budget.
type Spending struct {
	// Unit is what is counted, in its smallest parts: sat.
	Unit string `yaml:"unit" json:"unit"`
	// Cost is how it is read what a request costs: lndhub_bolt11, lndhub_keysend, fixed:<amount> or json:<pointer>.
	Cost string `yaml:"cost" json:"cost"`
}

// SpendUnits returns the units that scopes let applications spend: scope to unit, for the authorization server.
func SpendUnits(routes []Route) map[string]string {
	units := make(map[string]string)
	for _, r := range routes {
		if r.Spend != nil && r.Scope != "" {
			units[r.Scope] = r.Spend.Unit
		}
	}
	return units
}
