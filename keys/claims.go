package keys

import (
	"slices"
	"sync/atomic"
	"time"
)

// Claims are the verified contents of an access token (RFC 9068). They are immutable once returned by Verify, but for what
// NoteUse notes, and may be shared between goroutines.
type Claims struct {
	Issuer   string
	Subject  string
	ClientID string
	// ID is the jti claim: unique for every token minted, and what a revocation of this one token is keyed by.
	ID string
	// GrantID names the user's consent this token was issued under; it is empty for client_credentials.
	GrantID  string
	Audience []string
	// Scopes are in the token's order.
	Scopes    []string
	IssuedAt  time.Time
	ExpiresAt time.Time
	// KeyID is the kid of the key that verified the token.
	KeyID string
	// BoundTo is the thumbprint of the key that the token is bound to (cnf.jkt, RFC 9449 section 6.1): it is good only beside a
	// proof that its holder has that key. Empty for a bearer token.
	BoundTo string

	usedOn int32 // changed as a whole, without a lock
}

// NoteUse remembers a day on which the token was used, in whatever way the caller counts days, for as long as a Cache
// remembers the token.
func (c *Claims) NoteUse(day int32) { atomic.StoreInt32(&c.usedOn, day) }

// NotedUse is the day that NoteUse was told last; 0 before that.
func (c *Claims) NotedUse() int32 { return atomic.LoadInt32(&c.usedOn) }

// HasScope reports whether the token carries exactly this scope. There are no wildcards.
func (c *Claims) HasScope(scope string) bool {
	return slices.Contains(c.Scopes, scope)
}

// IsFor reports whether the token is for exactly this audience, perhaps for others as well (RFC 7519 section 4.1.3).
func (c *Claims) IsFor(audience string) bool { return slices.Contains(c.Audience, audience) }
