package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/authz/internal/loop"
	"gatehouse/denylist"
	"gatehouse/registry"
)

// OpaqueTokens is where gateways look opaque access tokens up. Implementations are safe for concurrent use and bound how
// long each call blocks.
type OpaqueTokens interface {
	// WriteOpaque writes tokens, each until it expires. Repeating it does no harm.
	WriteOpaque(ctx context.Context, tokens ...denylist.OpaqueToken) error
	// OpaqueEpoch is the epoch of the denylist, "" while that is not loaded, and whether all tokens were written in it.
	OpaqueEpoch(ctx context.Context) (epoch string, complete bool, err error)
	// CompleteOpaque declares that all tokens were written in an epoch; not done when that has ended.
	CompleteOpaque(ctx context.Context, epoch string) (done bool, err error)
	// WithdrawOpaque takes that back: what is not found is then not known to be no token.
	WithdrawOpaque(ctx context.Context) error
}

var (
	_ OpaqueTokens = (*denylist.Store)(nil)
	_ OpaqueTokens = (*denylist.Mirror)(nil)
)

// OpaqueRelay carries the access tokens that were taken over of another server from the registry to where gateways look them
// up. It has no state: any number may run at once.
type OpaqueRelay struct {
	Registry *registry.Registry
	Tokens   OpaqueTokens
}

// CatchUp writes everything that gateways were not told of yet.
func (r *OpaqueRelay) CatchUp(ctx context.Context) error {
	for {
		if more, err := r.KeepUp(ctx); err != nil || !more {
			return err
		}
	}
}

// Run keeps the tokens complete until ctx ends. The log says when that begins to fail and when it succeeds again.
func (r *OpaqueRelay) Run(ctx context.Context, log *slog.Logger) {
	loop.Loop{
		Round:     r.round,
		Log:       log,
		Failing:   "imported access tokens cannot be told to gateways; they wait in the registry",
		Recovered: "imported access tokens are told to gateways again",
	}.Run(ctx)
}

func (r *OpaqueRelay) round(ctx context.Context) (pause time.Duration, err error) {
	began := time.Now()
	more, err := r.KeepUp(ctx)
	if more {
		return min(time.Since(began), relayInterval), err
	}
	return relayInterval, err
}

// KeepUp writes every token when they were never written, or may have been lost, and otherwise a batch of those that
// are new. more says that there may be others: until they are written, gateways answer 503 to a token that they do not find,
// on which clients keep it. While the denylist is not loaded it does nothing: no token passes then.
func (r *OpaqueRelay) KeepUp(ctx context.Context) (more bool, err error) {
	epoch, complete, err := r.Tokens.OpaqueEpoch(ctx)
	if err != nil || epoch == "" {
		return false, err
	}
	if !complete {
		return false, r.fill(ctx, epoch)
	}
	pending, err := r.Registry.PendingImportedTokens(ctx, relayBatch)
	if err != nil || len(pending) == 0 {
		return false, err
	}
	if more = len(pending) == relayBatch; more {
		if err := r.Tokens.WithdrawOpaque(ctx); err != nil {
			return false, err
		}
	}
	return more, r.write(ctx, pending)
}

func (r *OpaqueRelay) fill(ctx context.Context, epoch string) error {
	after := ""
	for {
		page, err := r.Registry.ImportedAccessTokens(ctx, after, relayBatch)
		if err != nil {
			return fmt.Errorf("read imported tokens: %w", err)
		}
		if len(page) == 0 {
			break
		}
		if err := r.write(ctx, page); err != nil {
			return err
		}
		after = page[len(page)-1].Hash
	}
	_, err := r.Tokens.CompleteOpaque(ctx, epoch) // in a new epoch the next round begins anew
	return err
}

func (r *OpaqueRelay) write(ctx context.Context, page []registry.ImportedAccess) error {
	tokens, hashes := make([]denylist.OpaqueToken, len(page)), make([]string, len(page))
	for i, one := range page {
		hashes[i] = one.Hash
		tokens[i] = denylist.OpaqueToken{
			Hash: one.Hash, ID: one.Grant.ID, GrantID: one.Grant.ID, ClientID: one.Grant.ClientID, Subject: one.Grant.Subject,
			Scopes: one.Grant.Scopes, IssuedAt: one.IssuedAt, ExpiresAt: one.ExpiresAt,
		}
	}
	if err := r.Tokens.WriteOpaque(ctx, tokens...); err != nil {
		return err
	}
	if err := r.Registry.MarkImportedDelivered(ctx, hashes...); err != nil {
		return fmt.Errorf("mark imported tokens: %w", err)
	}
	return nil
}
