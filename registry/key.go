package registry

import (
	"context"
	"time"
)

// SigningKey is a private key, sealed by its owner before it comes here.
type SigningKey struct {
	ID        string    `bun:"id,pk"` // kid
	Algorithm string    `bun:"algorithm"`
	Sealed    string    `bun:"sealed"`
	CreatedAt time.Time `bun:"created_at"`
}

// EnsureSigningKey stores the candidate if there is no key at all, and returns
// the newest key that is stored. Replicas that start at once all get the same one.
func (r *Registry) EnsureSigningKey(ctx context.Context, candidate SigningKey) (SigningKey, error) {
	return SigningKey{}, errStub
}

// SigningKeys returns every key, newest first.
func (r *Registry) SigningKeys(ctx context.Context) ([]SigningKey, error) { return nil, errStub }
