package authz

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// RedirectAllowed and the parsers are tested as tables, without a server each.
var (
	RedirectAllowed  = redirectAllowed
	CheckRedirectURI = checkRedirectURI
	ParseDomain      = func(raw string) error { _, err := parseDomain(raw); return err }
)

// CountSlowHashes makes the server count its slow hashes. The decoy's outcome is known, so that it is not computed: tests
// are not about how slow it is.
func (s *Server) CountSlowHashes() *atomic.Int64 {
	var count atomic.Int64
	s.secrets.slow = func(hash, secret []byte) error {
		count.Add(1)
		if string(hash) == decoy {
			return bcrypt.ErrMismatchedHashAndPassword
		}
		return bcrypt.CompareHashAndPassword(hash, secret)
	}
	return &count
}

// HoldSlowHashes makes slow hashes wait for release, and says when each has started.
func (s *Server) HoldSlowHashes() (release func(), started <-chan struct{}) {
	hold, start := make(chan struct{}), make(chan struct{}, 1000)
	s.secrets.slow = func([]byte, []byte) error {
		start <- struct{}{}
		<-hold
		return bcrypt.ErrMismatchedHashAndPassword
	}
	return func() { close(hold) }, start
}

// DecoyCost is the cost of the hash that is computed where there is nothing to compare with.
func DecoyCost() (int, error) { return bcrypt.Cost([]byte(decoy)) }

// KeepUp is one round of Run, for tests that move the clock between rounds.
func (k *Keyring) KeepUp(ctx context.Context) (next time.Duration, err error) { return k.keepUp(ctx) }
