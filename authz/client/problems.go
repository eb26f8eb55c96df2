package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

const (
	maxID     = 200
	maxName   = 200
	maxListed = 100
)

// ErrPublicSecret is what is wrong with a secret for a public client.
var ErrPublicSecret = errors.New("a public client has no secret")

// InvalidError lists everything that is wrong with a client's settings, or with what an operator wants of a client, in
// words that fit the admin API, where a setting is a field, and the command line, where it is a flag.
type InvalidError struct {
	Problems []error
}

// Error is all problems in one line.
func (e *InvalidError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		texts[i] = problem.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap gives errors.Is and errors.As each problem.
func (e *InvalidError) Unwrap() []error { return e.Problems }

// problems collects what is wrong.
type problems []error

func (p *problems) add(format string, args ...any) {
	*p = append(*p, fmt.Errorf(format, args...))
}

// err is nil or an *InvalidError.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &InvalidError{Problems: p}
}

// addID holds a chosen id to the characters of RFC 6749 appendix A.1, without the space, which people lose.
func (p *problems) addID(id string) {
	if len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.add("id: it must be at most %d visible ASCII characters", maxID)
	}
}

func (p *problems) addSecret(secret string, public bool) {
	switch {
	case secret == "":
	case public:
		p.add("secret: %w", ErrPublicSecret)
	case len(secret) > maxChosenSecret:
		p.add("secret: %w", ErrSecretLength)
	case !text.IsStorable(secret):
		p.add("secret: it is not text")
	}
}

func (p *problems) addName(name string) {
	switch {
	case name == "":
		p.add("name is required")
	case !text.IsStorable(name):
		p.add("name: it is not text")
	case strings.TrimSpace(name) == "":
		p.add("name: it is blank")
	case len(name) > maxName:
		p.add("name: it is longer than %d bytes", maxName)
	default:
		if err := checkName(name); err != nil {
			p.add("name: %w", err)
		}
	}
}

// addLink accepts what an application is shown with: the URL of a site, or a path on the host application's own, which
// shows it.
func (p *problems) addLink(what, value string) {
	if value == "" {
		return
	}
	link, _, _ := strings.Cut(value, "#") // a link may point into a page
	if strings.HasPrefix(link, "/") {
		if err := checkPath(link); err != nil {
			p.add("%s: %w", what, err)
		}
		return
	}
	u, err := parsePlainURL(link)
	if err != nil {
		p.add("%s: %w", what, err)
	} else if (u.Scheme != "https" && u.Scheme != "http") || !isHost(u.Hostname()) {
		p.add("%s: it must begin with https:// or http:// and a host, or be a path", what)
	}
}

func (p *problems) addDomain(domain string) {
	if domain == "" {
		return
	}
	if _, err := parseDomain(domain); err != nil {
		p.add("domain: %w", err)
	}
}

func (p *problems) addRedirectURIs(uris []string) {
	for _, uri := range uris {
		p.addRedirectURI(uri)
	}
	p.addLength("redirect URIs", uris)
}

func (p *problems) addRedirectURI(uri string) {
	if err := checkRedirectURI(uri); err != nil {
		p.add("redirect URI %q: %w", uri, err)
	}
}

// addScopes holds the names to the scopes of the routes.
func (p *problems) addScopes(what string, names []string, known map[string]string) {
	for _, name := range names {
		if _, ok := known[name]; !ok {
			p.add("no route has the scope %q", name)
		}
	}
	p.addLength(what, names)
}

// addWithin holds the default and the required scopes to those that the client may ask for.
func (p *problems) addWithin(c registry.Client) {
	if len(c.Scopes) == 0 {
		return
	}
	for _, among := range []struct {
		what  string
		names []string
	}{{"default", c.DefaultScopes}, {"required", c.RequiredScopes}} {
		for _, name := range among.names {
			if !slices.Contains(c.Scopes, name) {
				p.add("%s scope %q: it is not one of the client's scopes", among.what, name)
			}
		}
	}
}

func (p *problems) addGrantTypes(names []string) {
	for _, name := range names {
		if !slices.Contains(grantTypes, name) {
			p.add("grant type %q: it is not one of %s", name, strings.Join(grantTypes, ", "))
		}
	}
	p.addLength("grant types", names)
}

func (p *problems) addLength(what string, list []string) {
	if len(list) > maxListed {
		p.add("%s: there can be at most %d", what, maxListed)
	}
}

// addUse looks for what makes a client useless although each of its settings is good.
func (p *problems) addUse(c registry.Client) {
	if c.Public && slices.Contains(c.GrantTypes, ClientCredentials) {
		p.add("grant type %q: a public client cannot use it", ClientCredentials)
	}
	if c.Domain == "" && len(c.RedirectURIs) == 0 && slices.Contains(GrantTypesOf(c), AuthorizationCode) {
		p.add("a domain or a redirect URI is required")
	}
}
