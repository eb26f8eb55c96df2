package registry

import (
	"context"
	"time"
)

// What a Revocation is about; the denylist's kinds have the same names.
const (
	KindToken  = "token"
	KindGrant  = "grant"
	KindClient = "client"
)

// Revocation says that a token (by jti), or every access token of a grant or of
// a client, is refused. It is needed until ExpiresAt: by then they have expired.
type Revocation struct {
	Kind      string    `bun:"kind,pk"`
	ID        string    `bun:"id,pk"`
	ExpiresAt time.Time `bun:"expires_at"`
	CreatedAt time.Time `bun:"created_at"`
	Delivered bool      `bun:"delivered"` // the denylist has it, up to ExpiresAt
}

// RevokeToken revokes one access token until expires, the last moment at which a
// verifier may accept it, leeway included. Nothing is stored for a token that has
// expired. Idempotent; a later expiry replaces an earlier one.
func (r *Registry) RevokeToken(ctx context.Context, jti string, expires time.Time) error {
	return errStub
}

// Revoked reports from the durable record whether an access token was revoked:
// itself, by the end of its grant, or with its client. An empty argument is not
// looked at (a client_credentials token has no grant).
func (r *Registry) Revoked(ctx context.Context, tokenID, grantID, clientID string) (bool, error) {
	return false, errStub
}

// PendingRevocations returns up to limit live revocations that were not
// delivered to the denylist, those that expire first at the front.
func (r *Registry) PendingRevocations(ctx context.Context, limit int) ([]Revocation, error) {
	return nil, errStub
}

// MarkDelivered notes that the denylist has these revocations. One whose expiry
// was raised since it was read stays pending.
func (r *Registry) MarkDelivered(ctx context.Context, delivered []Revocation) error { return errStub }

// LiveRevocations returns up to limit revocations that have not expired,
// delivered or not, in the order of kind and ID, after the given one: pass the
// zero Revocation first, then the last of each page, until a page is empty.
func (r *Registry) LiveRevocations(ctx context.Context, after Revocation, limit int) ([]Revocation, error) {
	return nil, errStub
}
