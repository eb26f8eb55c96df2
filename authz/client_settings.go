package authz

import (
	"slices"

	"gatehouse/registry"
)

// ClientSettings is what a client is registered with.
type ClientSettings struct {
	// ID is chosen by the server when empty.
	ID string
	// Secret is chosen by the server when empty; a public client has none.
	Secret string

	Name         string
	URL          string // landing page
	ImageURL     string
	Domain       string   // every path of an origin, whose host may have wildcards
	RedirectURIs []string // exact
	Scopes       []string // empty: every scope of the routes
	GrantTypes   []string // empty: those of a client that acts for users
	Public       bool     // it cannot keep a secret
}

func (c ClientSettings) client() registry.Client {
	return registry.Client{
		ID:           c.ID,
		Name:         c.Name,
		URL:          c.URL,
		ImageURL:     c.ImageURL,
		Domain:       c.Domain,
		RedirectURIs: c.RedirectURIs,
		Scopes:       c.Scopes,
		GrantTypes:   c.GrantTypes,
		Public:       c.Public,
	}
}

// check reports every problem at once.
func (c ClientSettings) check(known scopes) error {
	var p problems
	p.addID(c.ID)
	p.addSecret(c.Secret, c.Public)
	p.addName(c.Name)
	p.addWebURL("URL", c.URL)
	p.addWebURL("image URL", c.ImageURL)
	p.addDomain(c.Domain)
	p.addRedirectURIs(c.RedirectURIs)
	p.addScopes(c.Scopes, known)
	p.addGrantTypes(c.GrantTypes)
	p.addUse(c.client())
	return p.err()
}

// ClientChange is what is to be different about a client; nil leaves it as it is.
type ClientChange struct {
	Name         *string
	URL          *string
	ImageURL     *string
	Domain       *string
	RedirectURIs *[]string
	Scopes       *[]string
	GrantTypes   *[]string
}

// check reports every problem at once that the change has by itself.
func (c ClientChange) check(known scopes) error {
	var p problems
	given(c.Name, p.addName)
	given(c.URL, func(link string) { p.addWebURL("URL", link) })
	given(c.ImageURL, func(link string) { p.addWebURL("image URL", link) })
	given(c.Domain, p.addDomain)
	given(c.RedirectURIs, p.addRedirectURIs)
	given(c.Scopes, func(names []string) { p.addScopes(names, known) })
	given(c.GrantTypes, p.addGrantTypes)
	return p.err()
}

func given[T any](value *T, then func(T)) {
	if value != nil {
		then(*value)
	}
}

// concernsUse holds for changes that may leave a client with which nothing can be done.
func (c ClientChange) concernsUse() bool {
	return c.Domain != nil || c.RedirectURIs != nil || c.GrantTypes != nil
}

func (c ClientChange) apply(to *registry.Client) {
	given(c.Name, func(name string) { to.Name = name })
	given(c.URL, func(link string) { to.URL = link })
	given(c.ImageURL, func(link string) { to.ImageURL = link })
	given(c.Domain, func(domain string) { to.Domain = domain })
	given(c.RedirectURIs, func(uris []string) { to.RedirectURIs = slices.Clone(uris) })
	given(c.Scopes, func(names []string) { to.Scopes = slices.Clone(names) })
	given(c.GrantTypes, func(names []string) { to.GrantTypes = slices.Clone(names) })
}

func checkUse(client registry.Client) error {
	var p problems
	p.addUse(client)
	return p.err()
}
