package registry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun/dialect"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// endOf makes count grants of the subject with living tokens, and ends them.
func (w *world) endOf(subject string, count int) {
	w.t.Helper()
	for i := range count {
		id := fmt.Sprint(subject, i)
		require.NoError(w.t, w.Authorize(w.ctx, registry.Grant{ID: id, ClientID: "app", Subject: subject},
			registry.Code{Hash: id, ExpiresAt: w.Now().Add(codeLife)}))
		require.NoError(w.t, w.RedeemCode(w.ctx, id, nil, w.Now().Add(accessLife)))
		require.NoError(w.t, w.EndGrant(w.ctx, id, "user"))
	}
}

// next are the IDs of the pending revocations that come first.
func (w *world) next(limit int) (ids []string) {
	w.t.Helper()
	pending, err := w.PendingRevocations(w.ctx, limit)
	require.NoError(w.t, err)
	for _, revocation := range pending {
		ids = append(ids, revocation.ID)
	}
	return ids
}

// revocationsInTurn: whoever has many waiting keeps nobody else waiting.
func revocationsInTurn(t *testing.T, w *world) {
	w.endOf("greedy", 5)
	w.Advance(time.Minute)
	w.endOf("ann", 2)
	w.endOf("bob", 1)
	require.ElementsMatch(t, []string{"greedy0", "ann0", "bob0"}, w.next(3))
	require.ElementsMatch(t, []string{"greedy0", "ann0", "bob0", "greedy1", "ann1"}, w.next(5))
	require.Len(t, w.next(100), 8)

	ended, err := w.EndGrantsOfSubject(w.ctx, "nobody", "user")
	require.NoError(t, err)
	require.Zero(t, ended)
	for i := range 3 { // and what one call ends
		id := fmt.Sprint("carl", i)
		require.NoError(t, w.Authorize(w.ctx, registry.Grant{ID: id, ClientID: "app", Subject: "carl"},
			registry.Code{Hash: id, ExpiresAt: w.Now().Add(codeLife)}))
		require.NoError(t, w.RedeemCode(w.ctx, id, nil, w.Now().Add(accessLife)))
	}
	require.NoError(t, second(w.EndGrantsOfSubject(w.ctx, "carl", "user")))
	require.ElementsMatch(t, []string{"greedy0", "ann0", "bob0", "carl0"}, w.next(4))
}

func revocationsOfSubject(t *testing.T, w *world) {
	w.endOf("greedy", 3)
	w.endOf("ann", 2)
	of, err := w.PendingRevocationsOf(w.ctx, "ann", 10)
	require.NoError(t, err)
	require.Len(t, of, 2)
	require.ElementsMatch(t, []string{"ann0", "ann1"}, []string{of[0].ID, of[1].ID})
	require.Equal(t, "ann", of[0].Subject)
	require.NoError(t, w.MarkDelivered(w.ctx, of))
	of, err = w.PendingRevocationsOf(w.ctx, "ann", 10)
	require.NoError(t, err)
	require.Empty(t, of)
	of, err = w.PendingRevocationsOf(w.ctx, "greedy", 2)
	require.NoError(t, err)
	require.Len(t, of, 2)
}

func revocationsDelivered(t *testing.T, w *world) {
	w.endOf("ann", 5)
	refused := errors.New("Redis is full")
	n, err := w.DeliverNext(w.ctx, 3, func(context.Context, []registry.Revocation) error { return refused })
	require.ErrorIs(t, err, refused)
	require.Zero(t, n)
	require.Len(t, w.pending(), 5)
	for _, want := range []int{3, 2, 0} {
		var given []registry.Revocation
		n, err := w.DeliverNext(w.ctx, 3, func(_ context.Context, next []registry.Revocation) error {
			given = next
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, want, n)
		require.Len(t, given, want)
	}
	require.Empty(t, w.pending())
}

// revocationsDeliveredAtOnce: any number of processes deliver and end grants at the
// same time, and nobody waits for another's lock.
func revocationsDeliveredAtOnce(t *testing.T, w *world) {
	w.endOf("ann", 40)
	for _, err := range registrytest.Race(20, func(i int) error {
		switch i % 4 {
		case 0:
			return w.RevokeToken(w.ctx, fmt.Sprint("jti", i%8), w.Now().Add(time.Duration(i+1)*time.Hour))
		case 1:
			of, err := w.PendingRevocationsOf(w.ctx, "ann", 40)
			return errors.Join(err, w.MarkDelivered(w.ctx, of))
		default:
			return second(w.DeliverNext(w.ctx, 10, func(context.Context, []registry.Revocation) error { return nil }))
		}
	}) {
		require.NoError(t, err)
	}
	for range 10 {
		_, err := w.DeliverNext(w.ctx, 10, func(context.Context, []registry.Revocation) error { return nil })
		require.NoError(t, err)
	}
	require.Empty(t, w.pending())
}

// revocationsDeliveredByOne: while one delivers, another finds nothing to do, and does not wait.
func revocationsDeliveredByOne(t *testing.T, w *world) {
	if w.DB().Dialect().Name() != dialect.PG || w.DatabaseStats().MaxOpenConnections == 1 {
		return // the others deliver one after another, or once more
	}
	w.endOf("ann", 3)
	delivered, err := w.DeliverNext(w.ctx, 2, func(context.Context, []registry.Revocation) error {
		n, err := w.DeliverNext(w.ctx, 2, func(context.Context, []registry.Revocation) error {
			return errors.New("two deliver at once")
		})
		require.Zero(t, n)
		return err
	})
	require.NoError(t, err)
	require.Equal(t, 2, delivered)
	require.Len(t, w.pending(), 1)
}

// revocationsMarkedBesideALock: a row that somebody else is about to change is not waited for, and stays pending.
func revocationsMarkedBesideALock(t *testing.T, w *world) {
	if w.DB().Dialect().Name() != dialect.PG || w.DatabaseStats().MaxOpenConnections == 1 {
		return // SQLite has no locks of rows
	}
	w.endOf("ann", 3)
	all, err := w.PendingRevocations(w.ctx, 10)
	require.NoError(t, err)
	tx, err := w.DB().BeginTx(w.ctx, nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(w.ctx, "SELECT id FROM revocations WHERE id = ? FOR UPDATE", all[1].ID)
	require.NoError(t, err)
	require.NoError(t, w.MarkDelivered(w.ctx, all))
	require.Equal(t, []string{all[1].ID}, w.next(10))
}
