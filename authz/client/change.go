package client

import (
	"slices"

	"gatehouse/registry"
)

// Change is what is to be different about a client; nil leaves it as it is.
type Change struct {
	Name           *string
	URL            *string
	ImageURL       *string
	Domain         *string
	RedirectURIs   *[]string
	Scopes         *[]string
	DefaultScopes  *[]string
	RequiredScopes *[]string
	GrantTypes     *[]string
	DPoPBound      *bool
	PushedOnly     *bool
	// Keys and KeysURL take the place of what the client has proven itself with: the other of the two, or a secret.
	Keys    *string
	KeysURL *string
}

// Check holds what the change names to the rules and to the known scopes, those of the routes. The error is an
// *InvalidError with every problem.
func (c Change) Check(known map[string]string) error {
	var p problems
	given(c.Name, p.addName)
	given(c.URL, func(link string) { p.addLink("URL", link) })
	given(c.ImageURL, func(link string) { p.addLink("image URL", link) })
	given(c.Domain, p.addDomain)
	given(c.RedirectURIs, func(uris []string) { p.addLength("redirect URIs", uris) })
	given(c.Scopes, func(names []string) { p.addScopes("scopes", names, known) })
	given(c.DefaultScopes, func(names []string) { p.addScopes("default scopes", names, known) })
	given(c.RequiredScopes, func(names []string) { p.addScopes("required scopes", names, known) })
	given(c.GrantTypes, p.addGrantTypes)
	var keys, keysURL string
	given(c.Keys, func(set string) { keys = set })
	given(c.KeysURL, func(url string) { keysURL = url })
	p.addKeys(keys, keysURL)
	return p.err()
}

// Apply makes the change, which was checked, to a client as it is now. The error is an *InvalidError when a redirect URI
// that the client does not have yet cannot be registered, or when the change would leave a client with which nothing can be
// done.
func (c Change) Apply(to *registry.Client) error {
	var p problems
	given(c.RedirectURIs, func(uris []string) {
		for _, uri := range uris {
			if !slices.Contains(to.RedirectURIs, uri) {
				p.addRedirectURI(uri)
			}
		}
	})
	given(c.Name, func(name string) { to.Name = name })
	given(c.URL, func(link string) { to.URL = link })
	given(c.ImageURL, func(link string) { to.ImageURL = link })
	given(c.Domain, func(domain string) { to.Domain = domain })
	given(c.RedirectURIs, func(uris []string) { to.RedirectURIs = slices.Clone(uris) })
	given(c.Scopes, func(names []string) { to.Scopes = slices.Clone(names) })
	given(c.DefaultScopes, func(names []string) { to.DefaultScopes = slices.Clone(names) })
	given(c.RequiredScopes, func(names []string) { to.RequiredScopes = slices.Clone(names) })
	given(c.GrantTypes, func(names []string) { to.GrantTypes = slices.Clone(names) })
	given(c.DPoPBound, func(bound bool) { to.DPoPBound = bound })
	given(c.PushedOnly, func(only bool) { to.PushedOnly = only })
	p.setKeys(to, c.Keys, c.KeysURL)

	if c.Domain != nil || c.RedirectURIs != nil || c.GrantTypes != nil {
		p.addUse(*to) // any other change can be made to a client that was useless before
	}
	if c.Scopes != nil || c.DefaultScopes != nil || c.RequiredScopes != nil {
		p.addWithin(*to)
	}
	return p.err()
}

func given[T any](value *T, then func(T)) {
	if value != nil {
		then(*value)
	}
}
