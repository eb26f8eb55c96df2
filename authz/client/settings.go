package client

import "gatehouse/registry"

// Settings are what a client is registered with.
type Settings struct {
	// ID is chosen by the server when empty.
	ID string
	// Secret is chosen by the server when empty; a public client has none.
	Secret string

	Name         string
	URL          string   // landing page: a URL, or a path on the host application's site
	ImageURL     string   // the same
	Domain       string   // every path of an origin, whose host may have wildcards
	RedirectURIs []string // exact
	Scopes       []string // empty: every scope of the routes
	// DefaultScopes are what a request that names no scope is for; empty: such a request is refused.
	DefaultScopes []string
	// RequiredScopes are those that a user cannot leave out, where the client asks for them.
	RequiredScopes []string
	GrantTypes     []string // empty: those of a client that acts for users
	Public         bool     // it cannot keep a secret
	DPoPBound      bool     // it gets no access token that is not bound to a key (RFC 9449 section 5.2)
	PushedOnly     bool     // it has to push its authorization requests (RFC 9126 section 6)

	// Keys is a JSON Web Key Set, KeysURL where one is: with either, the client signs who it is (private_key_jwt) and has no secret.
	Keys    string
	KeysURL string
	// SigningAlg is the one algorithm that it signs with; empty: any that its keys are good for.
	SigningAlg string
}

// Check holds the settings to the rules and to the known scopes, those of the routes. The error is an *InvalidError with
// every problem.
func (s Settings) Check(known map[string]string) error {
	p := s.describing()
	p.addRedirectURIs(s.RedirectURIs)
	p.addScopes("scopes", s.Scopes, known)
	p.addScopes("default scopes", s.DefaultScopes, known)
	p.addScopes("required scopes", s.RequiredScopes, known)
	p.addWithin(s.registered())
	p.addGrantTypes(s.GrantTypes)
	p.addUse(s.registered())
	return p.err()
}

// describing are the problems of what does not depend on where the client comes from.
func (s Settings) describing() (p problems) {
	p.addID(s.ID)
	p.addSecret(s.Secret, s.Public)
	p.addKeys(s.Keys, s.KeysURL)
	p.addSigningAlg(s)
	p.addOneProof(s)
	p.addName(s.Name)
	p.addLink("URL", s.URL)
	p.addLink("image URL", s.ImageURL)
	p.addDomain(s.Domain)
	return p
}

// New makes the client that the settings describe, and returns it with its secret; one that is public, or has keys, has none. The settings
// were checked. New chooses what they leave to the server. A secret that they name costs a slow hash.
func (s Settings) New() (_ registry.Client, secret string, err error) {
	c := s.registered()
	if c.ID == "" {
		c.ID = NewID()
	}
	switch {
	case c.Public, c.HasKeys():
		return c, "", nil
	case s.Secret == "":
		secret = NewSecret()
		c.SecretHash = HashGenerated(secret)
	default:
		secret = s.Secret
		c.SecretHash, err = HashChosen(secret)
	}
	return c, secret, err
}

// registered are the settings as the registry keeps them.
func (s Settings) registered() registry.Client {
	return registry.Client{
		ID:             s.ID,
		Name:           s.Name,
		URL:            s.URL,
		ImageURL:       s.ImageURL,
		Domain:         s.Domain,
		RedirectURIs:   s.RedirectURIs,
		Scopes:         s.Scopes,
		DefaultScopes:  s.DefaultScopes,
		RequiredScopes: s.RequiredScopes,
		GrantTypes:     s.GrantTypes,
		Public:         s.Public,
		DPoPBound:      s.DPoPBound,
		PushedOnly:     s.PushedOnly,
		Keys:           s.Keys,
		KeysURL:        s.KeysURL,
		SigningAlg:     s.SigningAlg,
	}
}
