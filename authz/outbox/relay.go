package outbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"gatehouse/authz/internal/loop"
	"gatehouse/denylist"
	"gatehouse/registry"
)

// relayBatch is how many revocations travel in one step.
const relayBatch = 200

// Denylist is what the relay writes to. Implementations are safe for concurrent use and bound how long each call blocks.
type Denylist interface {
	// Deny returns nil when every gateway that asks Redis from now on sees the entries. Repeating it does no harm.
	Deny(ctx context.Context, entries ...denylist.Entry) error
	// Publish does what Deny does, and returns where the entries are in the feed, for Await.
	Publish(ctx context.Context, entries ...denylist.Entry) (denylist.Position, error)
	// Await waits until every gateway that answers from memory has read the feed so far, or until ctx ends, and returns the
	// names of those that it could not hear from. The zero position is the end of the feed.
	Await(ctx context.Context, at denylist.Position) (unconfirmed []string, err error)
	// Reload writes every page of live entries and then declares the denylist complete.
	Reload(ctx context.Context, pages iter.Seq2[[]denylist.Entry, error]) error
	// Loaded tells whether the denylist is complete: it was reloaded and has not lost its contents since.
	Loaded(ctx context.Context) (bool, error)
}

var (
	_ Denylist = (*denylist.Store)(nil)
	_ Denylist = (*denylist.Mirror)(nil)
)

// Relay carries revocations from the registry, where they are durable, to the denylist, where gateways see them. It has
// no state: any number of relays may run at once, in one process or many.
type Relay struct {
	Registry *registry.Registry
	Denylist Denylist
	// Wait is how long Confirm waits for gateways at most.
	Wait time.Duration
	Log  *slog.Logger // slog.Default when nil
}

// ErrUndelivered says that a change was made and is safe in the registry, but that Redis does not know of it, or cannot be
// asked who does. Relays go on trying, and so does whoever makes the change again.
var ErrUndelivered = errors.New("the revocation is recorded but has not reached every gateway")

// Deliver writes every undelivered revocation to the denylist and returns nil when all have arrived there. The error is or
// wraps ErrUndelivered: the rest stays in the registry for the next call, of anyone.
func (r *Relay) Deliver(ctx context.Context) error {
	if _, err := r.deliver(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUndelivered, err)
	}
	return nil
}

// deliver returns where in the feed the last one is that it wrote; the zero position when there was none.
func (r *Relay) deliver(ctx context.Context) (last denylist.Position, err error) {
	for {
		pending, err := r.Registry.PendingRevocations(ctx, relayBatch)
		if err != nil {
			return last, fmt.Errorf("read undelivered revocations: %w", err)
		}
		if len(pending) == 0 {
			return last, nil
		}
		if last, err = r.Denylist.Publish(ctx, entries(pending)...); err != nil {
			return last, fmt.Errorf("deliver revocations: %w", err)
		}
		if err := r.Registry.MarkDelivered(ctx, pending); err != nil {
			return last, fmt.Errorf("mark revocations delivered: %w", err)
		}
		if len(pending) < relayBatch {
			return last, nil
		}
	}
}

// Fill writes every live revocation to a denylist that may know nothing, and then declares it complete: until then gateways
// cannot tell what was revoked. It is needed before the first request and after Redis lost its contents.
func (r *Relay) Fill(ctx context.Context) error {
	for {
		began := time.Now()
		err := r.Denylist.Reload(ctx, r.live(ctx))
		done := err == nil
		if errors.Is(err, denylist.ErrReloadLost) && ctx.Err() == nil {
			done, err = r.awaitLoaded(ctx, 2*time.Since(began))
		}
		if err != nil {
			return fmt.Errorf("fill denylist: %w", err)
		}
		if done {
			return nil
		}
	}
}

// awaitLoaded waits until another replica, whose reload began after ours and overtook it, has loaded the denylist, and
// reports whether it has. To begin again at once would overtake that one in turn, for ever if both take equally long. One
// that takes longer than patience has failed.
func (r *Relay) awaitLoaded(ctx context.Context, patience time.Duration) (bool, error) {
	until := time.Now().Add(patience)
	for {
		loaded, err := r.Denylist.Loaded(ctx)
		left := time.Until(until)
		if err != nil || loaded || left <= 0 {
			return loaded, err
		}
		if !loop.Pause(ctx, min(relayInterval, left)) {
			return false, ctx.Err()
		}
	}
}

// live are the pages of live revocations, or the error that ended them.
func (r *Relay) live(ctx context.Context) iter.Seq2[[]denylist.Entry, error] {
	return func(yield func([]denylist.Entry, error) bool) {
		var last registry.Revocation
		for {
			page, err := r.Registry.LiveRevocations(ctx, last, relayBatch)
			if err != nil {
				yield(nil, fmt.Errorf("read live revocations: %w", err))
				return
			}
			if len(page) == 0 || !yield(entries(page), nil) {
				return
			}
			last = page[len(page)-1]
		}
	}
}

func entries(revocations []registry.Revocation) []denylist.Entry {
	out := make([]denylist.Entry, len(revocations))
	for i, r := range revocations {
		out[i] = denylist.Entry{Kind: denylist.Kind(r.Kind), ID: r.ID, ExpiresAt: r.ExpiresAt}
	}
	return out
}
