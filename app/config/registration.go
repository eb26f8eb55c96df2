package config

import (
	"slices"
	"time"

	"gatehouse/gateway"
)

// ClientRegistration configures applications that register themselves (RFC 7591).
type ClientRegistration struct {
	// Mode is RegistrationOff, RegistrationToken or RegistrationOpen.
	Mode string `yaml:"mode"`
	// Token is the initial access token that whoever registers has to have, and PreviousToken one that is still accepted beside it.
	Token         Secret `yaml:"token"`
	PreviousToken Secret `yaml:"previous_token"`
	// Scopes are those that such applications can have; empty: every one of the routes.
	Scopes []string `yaml:"scopes"`
	// KeepUnused is how long one is kept without a grant, and MaxUnused how many there may be that no user has allowed anything.
	KeepUnused time.Duration `yaml:"keep_unused"`
	MaxUnused  int           `yaml:"max_unused"`
}

// What ClientRegistration.Mode can be.
const (
	// RegistrationOff: only operators register applications.
	RegistrationOff = "off"
	// RegistrationToken: whoever has an initial access token may register one.
	RegistrationToken = "token"
	// RegistrationOpen: anybody may.
	RegistrationOpen = "open"
)

const (
	minKeepUnused = time.Hour
	maxKeepUnused = 365 * 24 * time.Hour
	maxMaxUnused  = 1_000_000
)

func (c *Config) checkRegistration(v *validation) {
	r := c.Clients.Registration
	v.oneOf("clients.registration.mode", r.Mode, RegistrationOff, RegistrationToken, RegistrationOpen)
	if r.Mode == RegistrationToken {
		v.required("clients.registration.token", r.Token.Reveal())
	}
	for key, token := range map[string]Secret{"token": r.Token, "previous_token": r.PreviousToken} {
		if token != "" && len(token) < minSecretLength {
			v.add("clients.registration."+key, "has fewer than %d bytes (openssl rand -hex 32 makes a good one)", minSecretLength)
		}
	}
	scopes := gateway.Scopes(c.Routes)
	for _, name := range slices.Sorted(slices.Values(r.Scopes)) {
		if _, known := scopes[name]; !known {
			v.add("clients.registration.scopes", "no route has the scope %q", name)
		}
	}
	v.between("clients.registration.keep_unused", r.KeepUnused, minKeepUnused, maxKeepUnused)
	v.within("clients.registration.max_unused", r.MaxUnused, 1, maxMaxUnused)
}

// Tokens are the initial access tokens that are accepted; none where anybody may register.
func (r ClientRegistration) Tokens() (tokens []string) {
	if r.Mode != RegistrationToken {
		return nil
	}
	for _, token := range []Secret{r.Token, r.PreviousToken} {
		if token != "" {
			tokens = append(tokens, token.Reveal())
		}
	}
	return tokens
}
