package budget

import "slices"

// Units are what scopes let a client spend, by scope.
type Units map[string]string

// Of are the units that the scopes let a client spend, each once.
func (u Units) Of(scopes []string) []string {
	var units []string
	for _, name := range scopes {
		if unit, spends := u[name]; spends {
			units = append(units, unit)
		}
	}
	slices.Sort(units)
	return slices.Compact(units)
}
