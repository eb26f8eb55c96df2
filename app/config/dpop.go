package config

import (
	"net/url"
	"strings"
)

// DPoP configures how tokens are used that are bound to a key of their client (RFC 9449).
type DPoP struct {
	// Nonce is NonceOff or NonceRequired.
	Nonce string `yaml:"nonce"`
	// URLs are those under which callers know the gateway, without a slash at the end. None means the issuer and the hosts
	// of resources.
	URLs []string `yaml:"urls"`
}

// What DPoP.Nonce can be.
const (
	// NonceOff asks for none: a proof is good for a minute from when its client says that it was made.
	NonceOff = "off"
	// NonceRequired makes clients put a nonce into each proof that they were given within minutes.
	NonceRequired = "required"
)

func (c *Config) checkDPoP(v *validation) {
	v.oneOf("dpop.nonce", c.DPoP.Nonce, NonceOff, NonceRequired)
	for _, known := range c.DPoP.URLs {
		v.url("dpop.urls", known)
		if parsed, err := url.Parse(known); err == nil && strings.HasSuffix(parsed.Path, "/") {
			v.add("dpop.urls", "%q must not end with a slash", known)
		}
	}
}
