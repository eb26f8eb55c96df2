package authz

import (
	"maps"
	"slices"

	"gatehouse/authz/page"
	"gatehouse/registry"
)

// scopes are those that the routes name, with the sentence that is shown to the user. It is never changed.
type scopes struct {
	descriptions map[string]string
	risks        map[string]Risk
	translations map[string]map[string]string
	names        []string
}

// Risk is what a scope lets an application do.
type Risk string

// The risks, the least first.
const (
	Read  Risk = "read"
	Write Risk = "write"
	Spend Risk = "spend"
)

// newScopes copies the descriptions. Where there are none both are empty, and not nil, which JSON would show as null.
func newScopes(descriptions map[string]string, translations map[string]map[string]string, risks map[string]Risk) scopes {
	s := scopes{descriptions: map[string]string{}, risks: maps.Clone(risks), names: slices.AppendSeq([]string{}, maps.Keys(descriptions))}
	maps.Copy(s.descriptions, descriptions)
	slices.Sort(s.names)
	s.translations = maps.Clone(translations)
	return s
}

func (s scopes) known(name string) bool {
	_, ok := s.descriptions[name]
	return ok
}

// of are the scopes that the client may ask for: every known one, unless it was registered for fewer.
func (s scopes) of(client registry.Client) []string {
	if len(client.Scopes) == 0 {
		return s.names
	}
	return slices.DeleteFunc(slices.Clone(client.Scopes), func(name string) bool { return !s.known(name) })
}

// defaultOf are the scopes that the client is given when it names none: of its default, those that it may still ask for.
func (s scopes) defaultOf(client registry.Client) []string {
	allowed := s.of(client)
	return slices.DeleteFunc(slices.Clone(client.DefaultScopes), func(name string) bool { return !slices.Contains(allowed, name) })
}

// Describe pairs names with their descriptions. A scope that no route has any more is shown without one.
func (s scopes) Describe(names []string) map[string]string {
	described := make(map[string]string, len(names))
	for _, name := range names {
		described[name] = s.descriptions[name]
	}
	return described
}

// riskOf is the highest one where nothing is known: nobody may be surprised by a payment.
func (s scopes) riskOf(name string) Risk {
	if risk, ok := s.risks[name]; ok {
		return risk
	}
	return Spend
}

// Shown is the sentence of a scope for whoever reads a page.
func (s scopes) Shown(name string) page.Message {
	return page.Verbatim(s.descriptions[name], s.translations[name])
}
