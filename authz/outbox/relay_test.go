package outbox_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/outbox"
	"gatehouse/denylist"
	"gatehouse/registry"
)

// pending are the revocations that no gateway can know of.
func (w *world) pending() []registry.Revocation {
	w.Helper()
	pending, err := w.registry.PendingRevocations(w.Context(), 1000)
	require.NoError(w, err)
	return pending
}

func TestRevocationsOutliveTheLossOfRedis(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	expires := w.clock.Now().Add(time.Hour)
	const many = 450 // more than one page
	for i := range many {
		require.NoError(t, w.registry.RevokeToken(ctx, fmt.Sprint("token-", i), expires))
	}
	require.NoError(t, w.relay.Deliver(ctx))
	require.Empty(t, w.pending())
	w.requireAllDenied(ctx, many)

	w.redis.FlushAll()
	require.ErrorIs(t, w.check(ctx, "token-0"), denylist.ErrUnknown, "an empty Redis does not say that nothing was revoked")
	require.NoError(t, w.relay.Fill(ctx))
	w.requireAllDenied(ctx, many)
	require.NoError(t, w.check(ctx, "another"))
}

func TestFillingDeclaresNothingCompleteThatIsNot(t *testing.T) {
	w := newWorld(t)
	w.redis.FlushAll()
	w.redis.SetError("READONLY")
	require.Error(t, w.relay.Fill(t.Context()))
	w.redis.SetError("")
	require.NoError(t, w.registry.Close())
	require.Error(t, w.relay.Fill(t.Context()))
	require.ErrorIs(t, w.check(t.Context(), "any"), denylist.ErrUnknown)
}

// overlapping is the denylist of a replica whose reloads take so long that the other one's begin meanwhile, if it makes any.
type overlapping struct {
	*denylist.Store
	began, otherBegan chan struct{}
}

func (o overlapping) Reload(ctx context.Context, pages iter.Seq2[[]denylist.Entry, error]) error {
	return o.Store.Reload(ctx, func(yield func([]denylist.Entry, error) bool) {
		select {
		case <-o.otherBegan: // before this one
		default:
		}
		select {
		case o.began <- struct{}{}:
		default:
		}
		for page, err := range pages {
			if !yield(page, err) {
				return
			}
		}
		select {
		case <-o.otherBegan:
		case <-time.After(500 * time.Millisecond):
		}
	})
}

func TestReplicasThatFillAtOnceLetOneFinish(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.RevokeToken(t.Context(), "token", w.clock.Now().Add(time.Hour)))
	w.redis.FlushAll()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	one, other := make(chan struct{}, 1), make(chan struct{}, 1)
	ends := make(chan error, 2)
	for _, slow := range []overlapping{{w.denylist, one, other}, {w.denylist, other, one}} {
		relay := &outbox.Relay{Registry: w.registry, Denylist: slow}
		go func() { ends <- relay.Fill(ctx) }()
	}
	require.NoError(t, <-ends)
	require.NoError(t, <-ends)
	require.ErrorIs(t, w.check(t.Context(), "token"), denylist.ErrRevoked)
}

func TestFillingEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, w.relay.Fill(ctx))
	require.Error(t, w.relay.Deliver(ctx))
}

func (w *world) requireAllDenied(ctx context.Context, n int) {
	w.Helper()
	for i := range n {
		require.ErrorIs(w, w.check(ctx, fmt.Sprint("token-", i)), denylist.ErrRevoked)
	}
}
