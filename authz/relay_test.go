package authz_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
	require.NoError(t, w.relay.Prime(ctx))
	w.requireAllDenied(ctx, many)
	require.NoError(t, w.check(ctx, "another"))
}

func TestPrimingDeclaresNothingCompleteThatIsNot(t *testing.T) {
	w := newWorld(t)
	w.redis.FlushAll()
	w.redis.SetError("READONLY")
	require.Error(t, w.relay.Prime(t.Context()))
	w.redis.SetError("")
	require.NoError(t, w.registry.Close())
	require.Error(t, w.relay.Prime(t.Context()))
	require.ErrorIs(t, w.check(t.Context(), "any"), denylist.ErrUnknown)
}

func TestPrimingEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, w.relay.Prime(ctx))
	require.Error(t, w.relay.Deliver(ctx))
}

func (w *world) check(ctx context.Context, token string) error {
	return w.denylist.Check(ctx, denylist.Query{TokenID: token, ClientID: "app"})
}

func (w *world) requireAllDenied(ctx context.Context, n int) {
	w.Helper()
	for i := range n {
		require.ErrorIs(w, w.check(ctx, fmt.Sprint("token-", i)), denylist.ErrRevoked)
	}
}
