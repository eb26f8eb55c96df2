package registry

import (
	"context"
	"time"
)

// Grant is one user's consent to one client. Codes, refresh tokens and access
// tokens all carry its ID, and all die with it.
type Grant struct {
	ID             string        `bun:"id,pk"`
	ClientID       string        `bun:"client_id"`
	Subject        string        `bun:"subject"`
	Scopes         []string      `bun:"scopes"`
	RedirectURI    string        `bun:"redirect_uri"`
	AccessLifespan time.Duration `bun:"access_lifespan"` // of its access tokens; 0: the server's default
	CreatedAt      time.Time     `bun:"created_at"`

	// AccessExpiresAt is when the last access token minted under the grant
	// expires; zero until its code is redeemed. It never moves back.
	AccessExpiresAt time.Time `bun:"access_expires_at,nullzero"`

	EndedAt   time.Time `bun:"ended_at,nullzero"` // zero: the grant is live
	EndReason string    `bun:"end_reason"`
}

// Ended reports whether the grant was ended: nothing more may be minted under it.
func (g Grant) Ended() bool { return !g.EndedAt.IsZero() }

// EndGrant ends the grant and, when an access token minted under it can still
// be alive, writes the revocation in the same transaction. Once it has
// returned, no redemption and no rotation of the grant succeeds. Ending an
// ended grant changes nothing and is no error. ErrNotFound.
func (r *Registry) EndGrant(ctx context.Context, grantID, reason string) error { return errStub }

// EndGrants ends every live grant that the subject gave the client, as EndGrant
// does, in one transaction, and says how many there were.
func (r *Registry) EndGrants(ctx context.Context, subject, clientID, reason string) (ended int, err error) {
	return 0, errStub
}

// GrantsOf returns the subject's live grants whose code was redeemed, newest first.
func (r *Registry) GrantsOf(ctx context.Context, subject string) ([]Grant, error) {
	return nil, errStub
}
