package registry

import (
	"context"
	"time"
)

// Code is an authorization code (RFC 6749 section 4.1.2), known by its hash.
// The PKCE challenge (RFC 7636) is part of it: no code can be read without the
// challenge it was bound to.
type Code struct {
	Hash            string    `bun:"hash,pk"`
	GrantID         string    `bun:"grant_id"`
	Challenge       string    `bun:"challenge"` // empty: none was sent
	ChallengeMethod string    `bun:"challenge_method"`
	RedirectURI     string    `bun:"redirect_uri"` // as the authorization request spelled it; empty: it had none
	ExpiresAt       time.Time `bun:"expires_at"`
	UsedAt          time.Time `bun:"used_at,nullzero"` // zero: not redeemed
}

// Used reports whether the code was redeemed.
func (c Code) Used() bool { return !c.UsedAt.IsZero() }

// Authorize stores a new grant and its first code in one transaction. The
// code's GrantID may be empty; a zero CreatedAt becomes now; what only later
// events may set (AccessExpiresAt, EndedAt, EndReason, UsedAt) is ignored.
// ErrNotFound when the client does not exist or was deleted, ErrExists when the
// grant's ID or the code's hash is taken.
func (r *Registry) Authorize(ctx context.Context, g Grant, c Code) error { return errStub }

// Code looks a code up, used and expired ones included, with its grant. It
// changes nothing. ErrNotFound.
func (r *Registry) Code(ctx context.Context, hash string) (Code, Grant, error) {
	return Code{}, Grant{}, errStub
}

// RedeemCode spends the code, once under any interleaving: it marks the code
// used, inserts the first refresh token (nil: none) and raises the grant's
// AccessExpiresAt to accessExpires, in one transaction. accessExpires is the
// last moment at which a verifier may accept the access token about to be
// minted, its leeway included: a revocation is kept until then.
//
// ErrCodeUsed: the code was spent before, whatever else holds. The grant has
// been ended (reason "code_reused"), its revocation written and committed; the
// caller has to deliver it. ErrNotFound, ErrExpired and ErrGrantEnded change nothing.
func (r *Registry) RedeemCode(ctx context.Context, hash string, first *RefreshToken, accessExpires time.Time) error {
	return errStub
}
