package registry

import (
	"context"
	"time"
)

// RefreshToken is one link in a grant's chain of refresh tokens, known by its hash.
type RefreshToken struct {
	Hash          string    `bun:"hash,pk"`
	GrantID       string    `bun:"grant_id"`
	CreatedAt     time.Time `bun:"created_at"`
	ExpiresAt     time.Time `bun:"expires_at"`
	UsedAt        time.Time `bun:"used_at,nullzero"` // zero: not rotated
	SuccessorHash string    `bun:"successor_hash"`
}

// Used reports whether the refresh token was rotated.
func (t RefreshToken) Used() bool { return !t.UsedAt.IsZero() }

// RefreshToken looks a refresh token up, used and expired ones included, with
// its grant. It changes nothing. ErrNotFound.
func (r *Registry) RefreshToken(ctx context.Context, hash string) (RefreshToken, Grant, error) {
	return RefreshToken{}, Grant{}, errStub
}

// RotateRefresh replaces the refresh token by next, in one transaction: it marks
// the token used, notes next as its successor, inserts next and raises the
// grant's AccessExpiresAt to accessExpires (see RedeemCode). next.GrantID may be empty.
//
// Presented again less than grace after its first use, with the same successor
// that was not itself used, the token yields nil again and AccessExpiresAt is
// raised; nothing is inserted. Any other second use is ErrRefreshReused: the
// grant has been ended (reason "refresh_reused"), its revocation written and
// committed; the caller has to deliver it. ErrNotFound, ErrExpired and
// ErrGrantEnded change nothing.
func (r *Registry) RotateRefresh(ctx context.Context, hash string, next RefreshToken, grace time.Duration, accessExpires time.Time) error {
	return errStub
}
