package authz

import (
	"cmp"
	"maps"
	"time"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/outbox"
	"gatehouse/authz/registration"
	"gatehouse/authz/user"
)

// How often clients register themselves: so many at once, and one more in each interval, from one address and from all together. A
// person who sets up applications does not meet it. What is asked of one process is not known to the others.
const (
	registrationBurst    = 20
	registrationEvery    = time.Minute
	allRegistrationBurst = 200
	allRegistrationEvery = time.Second

	defaultMaxUnused = 10_000
)

// Registration is how clients register themselves.
type Registration struct {
	// Tokens are the initial access tokens, of which whoever registers a client has to have one; none: anybody may.
	Tokens []string
	// Scopes are those that such a client can have; none: every one.
	Scopes []string
	// MaxUnused is how many such clients there may be that no user has allowed anything; 10,000 when 0.
	MaxUnused int
}

// newRegistration registers clients; nil where none do so themselves.
func (c Config) newRegistration(relay *outbox.Relay, failures endpoint.Failures) *registration.Handler {
	if c.Registration == nil {
		return nil
	}
	scopes := maps.Clone(c.Scopes)
	if allowed := c.Registration.Scopes; len(allowed) > 0 {
		scopes = make(map[string]string, len(allowed))
		for _, name := range allowed {
			scopes[name] = c.Scopes[name]
		}
	}
	return &registration.Handler{
		Issuer:      c.Issuer,
		Registry:    c.Registry,
		Relay:       relay,
		Tokens:      c.Registration.Tokens,
		Scopes:      scopes,
		AllScopes:   len(c.Registration.Scopes) == 0,
		TakesProofs: c.Proofs != nil,
		TakesKeys:   c.Assertions != nil,
		FetchesKeys: c.Assertions != nil && c.Documents != nil,
		MaxUnused:   cmp.Or(c.Registration.MaxUnused, defaultMaxUnused),
		KeepUnused:  c.KeepUnused,
		Caller:      c.Caller,
		Each:        &user.Pace{Burst: registrationBurst, Every: registrationEvery, Now: c.Now},
		All:         &user.Pace{Burst: allRegistrationBurst, Every: allRegistrationEvery, Now: c.Now},
		Failures:    failures,
		Log:         c.Log,
		Now:         c.Now,
	}
}
