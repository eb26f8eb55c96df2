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

const (
	// relayBatch is how many revocations travel in one step.
	relayBatch = 200
	// ownBatches is how many steps a caller is waited for with: more than all that one user can have granted to a few
	// clients, and less than what somebody can make others wait with.
	ownBatches = 5
)

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

// Revoked is what a caller took back, and waits for.
type Revoked struct {
	kind, id string
	subject  string
	keys     bool
}

// RevokedToken is one access token, by its jti.
func RevokedToken(jti string) Revoked { return Revoked{kind: registry.KindToken, id: jti} }

// RevokedGrant is every access token of a grant.
func RevokedGrant(id string) Revoked { return Revoked{kind: registry.KindGrant, id: id} }

// RevokedClient is every access token of a client.
func RevokedClient(id string) Revoked { return Revoked{kind: registry.KindClient, id: id} }

// RevokedKeys is everything that any signing key has signed that was taken back.
func RevokedKeys() Revoked { return Revoked{keys: true} }

// RevokedOf is everything that was taken back of the subject.
func RevokedOf(subject string) Revoked { return Revoked{subject: subject} }

// Deliver writes to the denylist what of own is still undelivered, and nothing else: nobody waits for what others have
// revoked. When it returns nil all of own has arrived there, whoever delivered it. The error is or wraps ErrUndelivered: the
// rest stays in the registry, and Run goes on trying.
func (r *Relay) Deliver(ctx context.Context, own ...Revoked) error {
	_, err := r.deliver(ctx, own...)
	return err
}

// deliver returns where in the feed all of own has been written before; the zero position where only its end is known.
func (r *Relay) deliver(ctx context.Context, own ...Revoked) (at denylist.Position, err error) {
	for _, one := range own { // what is found delivered was written before what follows it here
		if at, err = r.deliverOne(ctx, one); err != nil {
			return at, fmt.Errorf("%w: %w", ErrUndelivered, err)
		}
	}
	return at, nil
}

func (r *Relay) deliverOne(ctx context.Context, own Revoked) (at denylist.Position, err error) {
	if own.keys {
		return r.deliverKeys(ctx)
	}
	for range ownBatches {
		pending, err := r.pending(ctx, own)
		if err != nil {
			return at, fmt.Errorf("read undelivered revocations: %w", err)
		}
		if len(pending) == 0 {
			return denylist.Position{}, nil // others have delivered it, or the last of it
		}
		if at, err = r.Denylist.Publish(ctx, entries(pending)...); err != nil {
			return at, fmt.Errorf("deliver revocations: %w", err)
		}
		err = r.Registry.MarkDelivered(ctx, pending)
		switch {
		case len(pending) < relayBatch:
			return at, nil // it has arrived. What is not marked is only delivered once more.
		case err != nil:
			return at, fmt.Errorf("mark revocations delivered: %w", err) // or the same would come again
		}
	}
	return at, errTooMany
}

var errTooMany = errors.New("the user has very many undelivered revocations, which are delivered in turn")

func (r *Relay) pending(ctx context.Context, own Revoked) ([]registry.Revocation, error) {
	if own.subject != "" {
		return r.Registry.PendingRevocationsOf(ctx, own.subject, relayBatch)
	}
	return r.Registry.PendingRevocation(ctx, own.kind, own.id)
}

// DeliverNext writes a batch of what is undelivered to the denylist, of keys first and then of each user in turn. more says that there may be
// others. Of several processes at the same time one does it, where they share a Postgres.
func (r *Relay) DeliverNext(ctx context.Context) (more bool, err error) {
	if _, err := r.deliverKeys(ctx); err != nil {
		return false, err
	}
	delivered, err := r.Registry.DeliverNext(ctx, relayBatch, func(ctx context.Context, next []registry.Revocation) error {
		return r.Denylist.Deny(ctx, entries(next)...)
	})
	return delivered == relayBatch, err
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
		ofKeys, err := r.Registry.KeyRevocations(ctx, false)
		if err != nil {
			yield(nil, fmt.Errorf("read live revocations of keys: %w", err))
			return
		}
		if len(ofKeys) > 0 && !yield(keyEntries(ofKeys), nil) {
			return
		}
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
			// The page has arrived, or yield would not have come back for another. Should it be lost again, then the denylist is
			// filled again, with what is marked too.
			if err := r.Registry.MarkDelivered(ctx, undelivered(page)); err != nil {
				yield(nil, fmt.Errorf("mark revocations delivered: %w", err))
				return
			}
			last = page[len(page)-1]
		}
	}
}

func undelivered(page []registry.Revocation) (left []registry.Revocation) {
	for _, revocation := range page {
		if !revocation.Delivered {
			left = append(left, revocation)
		}
	}
	return left
}

func entries(revocations []registry.Revocation) []denylist.Entry {
	out := make([]denylist.Entry, len(revocations))
	for i, r := range revocations {
		out[i] = denylist.Entry{Kind: denylist.Kind(r.Kind), ID: r.ID, ExpiresAt: r.ExpiresAt}
	}
	return out
}
