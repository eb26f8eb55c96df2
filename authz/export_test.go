package authz

import (
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"
)

// RedirectAllowed and the parsers are tested as tables, without a server each.
var (
	RedirectAllowed  = redirectAllowed
	ParseRedirectURI = parseRedirectURI
	ParseDomain      = func(raw string) error { _, err := parseDomain(raw); return err }
)

// CountSlowHashes makes the server count the slow hashes that it computes.
func (s *Server) CountSlowHashes() *atomic.Int64 {
	var count atomic.Int64
	s.secrets.slow = func(hash, secret []byte) error {
		count.Add(1)
		return bcrypt.CompareHashAndPassword(hash, secret)
	}
	return &count
}
