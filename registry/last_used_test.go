package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun/dialect"

	"gatehouse/registry"
)

func date(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// lastUsed: minting a token is a use, and so is what gateways tell; the day never moves back.
func lastUsed(t *testing.T, w *world) {
	first := w.Now()
	grantID, refresh := w.redeem()
	lastUsedOn := func() time.Time { return w.grant("code-" + grantID).LastUsedOn }
	require.Equal(t, date(first), lastUsedOn())
	record := func(uses ...registry.Use) {
		left, err := w.RecordUses(w.ctx, uses)
		require.NoError(t, err)
		require.Empty(t, left)
	}

	w.Advance(24 * time.Hour)
	require.NoError(t, w.rotate(refresh, "second"))
	require.Equal(t, date(first.Add(24*time.Hour)), lastUsedOn())
	w.Set(first)
	require.NoError(t, w.rotate("second", "third"))
	require.Equal(t, date(first.Add(24*time.Hour)), lastUsedOn(), "another replica's clock is behind")

	unredeemed, code := w.authorize()
	record()
	record(registry.Use{GrantID: grantID, On: first.Add(72 * time.Hour)}, registry.Use{GrantID: "nothing", On: first},
		registry.Use{GrantID: grantID, On: first.Add(48 * time.Hour)})
	require.Equal(t, date(first.Add(72*time.Hour)), lastUsedOn(), "the later of two")
	record(registry.Use{GrantID: grantID, On: first.Add(48 * time.Hour)})
	require.Equal(t, date(first.Add(72*time.Hour)), lastUsedOn())
	require.Zero(t, w.grant(code).LastUsedOn)
	record(registry.Use{GrantID: unredeemed, On: first})
	require.Equal(t, date(first), w.grant(code).LastUsedOn)

	w.redeem()
	connections, err := w.ConnectionsOf(w.ctx, "ann")
	require.NoError(t, err)
	require.Len(t, connections, 1)
	require.Equal(t, date(first.Add(72*time.Hour)), connections[0].LastUsedOn, "of any of its grants")
}

// lastUsedBesideALock: who is about to change a grant is not waited for, and its use is recorded another time.
func lastUsedBesideALock(t *testing.T, w *world) {
	if w.DB().Dialect().Name() != dialect.PG || w.DatabaseStats().MaxOpenConnections == 1 {
		return // SQLite has no locks of rows
	}
	one, _ := w.redeem()
	other, _ := w.redeem()
	current, _ := w.redeem()
	tx, err := w.DB().BeginTx(w.ctx, nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(w.ctx, "SELECT id FROM grants WHERE id IN (?, ?) FOR UPDATE", one, current)
	require.NoError(t, err)
	tomorrow := w.Now().Add(24 * time.Hour)
	uses := []registry.Use{{GrantID: one, On: tomorrow}, {GrantID: other, On: tomorrow}, {GrantID: current, On: w.Now()}}
	left, err := w.RecordUses(w.ctx, uses)
	require.NoError(t, err)
	require.Equal(t, []string{one}, left)
	require.Equal(t, date(tomorrow), w.grant("code-"+other).LastUsedOn)
	require.NoError(t, tx.Rollback())
	left, err = w.RecordUses(w.ctx, uses)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Equal(t, date(tomorrow), w.grant("code-"+one).LastUsedOn)
}
