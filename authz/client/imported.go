package client

import (
	"fmt"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/registry"
)

// CheckImported holds the settings of a client that another server has let in to the rules, but for what would take its users
// away without protecting anybody: a redirect URI may have a scheme that is nobody's domain, as those have that were registered
// before that was asked. The error is an *InvalidError with every problem.
func (s Settings) CheckImported() error {
	p := s.describing()
	for _, uri := range s.RedirectURIs {
		if _, err := parseRedirectURI(uri); err != nil {
			p.add("redirect URI %q: %w", uri, err)
		}
	}
	p.addLength("redirect URIs", s.RedirectURIs)
	p.addUse(s.registered())
	return p.err()
}

// CheckDomain says what keeps a domain from being a client's.
func CheckDomain(domain string) error {
	_, err := parseDomain(domain)
	return err
}

// CheckRedirectURI says what keeps a redirect URI from being registered.
func CheckRedirectURI(uri string) error { return checkRedirectURI(uri) }

// CheckLink says what is wrong with a landing page or a picture; an empty one is good.
func CheckLink(link string) error {
	var p problems
	p.addLink("URL", link)
	return p.err()
}

const (
	// drawnCost is that of a secret which oauth2server has drawn. Its generator has 2³¹ states, one of which can be told from
	// the client's id, so that no hash protects the secret; this one keeps clients from being tried all at once.
	drawnCost   = 7
	drawnSecret = 20
	drawnID     = 10
)

// IsDrawn reports whether a secret looks like those that oauth2server draws.
func IsDrawn(id, secret string) bool {
	return len(id) == drawnID && len(secret) == drawnSecret && isDrawn(id+secret)
}

// HashImported returns the stored form of a secret that another server kept as it is. Whether a person chose it or a machine,
// it is not one of ours, and gets a slow hash; drawn is what IsDrawn says, for which a less slow one does as well.
func HashImported(id, secret string) (hash string, drawn bool, err error) {
	if !IsDrawn(id, secret) {
		hash, err = HashChosen(secret)
		return hash, false, err
	}
	form, err := bcrypt.GenerateFromPassword([]byte(secret), drawnCost)
	if err != nil {
		return "", true, fmt.Errorf("hash client secret: %w", err)
	}
	return string(form), true, nil
}

// isDrawn holds for letters and digits, with some of each kind.
func isDrawn(text string) bool {
	kinds := map[string]bool{}
	for _, r := range text {
		kind := ""
		switch {
		case 'a' <= r && r <= 'z':
			kind = "lower"
		case 'A' <= r && r <= 'Z':
			kind = "upper"
		case '0' <= r && r <= '9':
			kind = "digit"
		default:
			return false
		}
		kinds[kind] = true
	}
	return len(kinds) == 3
}

// Import makes the client that the settings describe. They were checked by CheckImported. drawn is as HashImported has it; the
// slow hash takes some tens of milliseconds of CPU.
func (s Settings) Import() (_ registry.Client, drawn bool, err error) {
	c := s.registered()
	if !c.Public {
		c.SecretHash, drawn, err = HashImported(s.ID, s.Secret)
	}
	return c, drawn, err
}
