package registry_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

func signingKey(t *testing.T, w *world) {
	none, err := w.SigningKeys(w.ctx)
	require.NoError(t, err)
	require.Empty(t, none)
	first := registry.SigningKey{ID: "k1", Algorithm: "ES256", Sealed: "eyJ.sealed", CreatedAt: start}
	got, err := w.EnsureSigningKey(w.ctx, first)
	require.NoError(t, err)
	first.CreatedAt, first.SignsFrom = stored(start), stored(start)
	require.Equal(t, first, got)

	w.Advance(time.Hour)
	got, err = w.EnsureSigningKey(w.ctx, registry.SigningKey{ID: "k2", Algorithm: "RS256", Sealed: "other"})
	require.NoError(t, err)
	require.Equal(t, first, got)
	keys, err := w.SigningKeys(w.ctx)
	require.NoError(t, err)
	require.Equal(t, []registry.SigningKey{first}, keys)
}

func signingKeyAtOnce(t *testing.T, w *world) {
	got := make([]registry.SigningKey, 50)
	for _, err := range registrytest.Race(50, func(i int) (err error) {
		got[i], err = w.EnsureSigningKey(w.ctx, registry.SigningKey{ID: fmt.Sprint("k", i), Algorithm: "ES256", Sealed: "x"})
		return err
	}) {
		require.NoError(t, err)
	}
	for _, key := range got {
		require.Equal(t, got[0], key)
	}
	keys, err := w.SigningKeys(w.ctx)
	require.NoError(t, err)
	require.Equal(t, got[:1], keys)
}

func signingKeyAdded(t *testing.T, w *world) {
	due := func(newest registry.SigningKey) bool { return newest.ID == "" }
	added, err := w.AddSigningKey(w.ctx, due, registry.SigningKey{ID: "k1", Algorithm: "ES256", Sealed: "x"})
	require.NoError(t, err)
	require.True(t, added, "there was none")

	// Published first, signing last: the order of the schedule is the one that counts.
	later := start.Add(24 * time.Hour)
	after := func(id string) func(registry.SigningKey) bool {
		return func(newest registry.SigningKey) bool { return newest.ID == id }
	}
	w.Advance(time.Second)
	added, err = w.AddSigningKey(w.ctx, after("k1"), registry.SigningKey{ID: "k2", SignsFrom: later})
	require.NoError(t, err)
	require.True(t, added)
	w.Advance(time.Second)
	added, err = w.AddSigningKey(w.ctx, after("k2"), registry.SigningKey{ID: "k3", SignsFrom: later.Add(-time.Hour)})
	require.NoError(t, err)
	require.True(t, added)
	added, err = w.AddSigningKey(w.ctx, after("k2"), registry.SigningKey{ID: "k4", SignsFrom: later})
	require.NoError(t, err)
	require.True(t, added, "k3 signs before k2")
	added, err = w.AddSigningKey(w.ctx, after("k2"), registry.SigningKey{ID: "k5", SignsFrom: later})
	require.NoError(t, err)
	require.False(t, added, "of two that begin at once, the later name signs")

	added, err = w.AddSigningKey(w.ctx, after("k4"), registry.SigningKey{ID: "k1", Sealed: "another"})
	require.ErrorIs(t, err, registry.ErrExists)
	require.False(t, added)

	keys, err := w.SigningKeys(w.ctx)
	require.NoError(t, err)
	require.Len(t, keys, 4)
	require.Equal(t, registry.SigningKey{
		ID: "k1", Algorithm: "ES256", Sealed: "x", CreatedAt: stored(start), SignsFrom: stored(start),
	}, keys[3])
	require.Equal(t, registry.SigningKey{
		ID: "k2", CreatedAt: stored(start.Add(time.Second)), SignsFrom: stored(later),
	}, keys[2])
	newest, err := w.EnsureSigningKey(w.ctx, registry.SigningKey{ID: "k6"})
	require.NoError(t, err)
	require.Equal(t, keys[0], newest)
}

// signingKeyAddedAtOnce: replicas that all find a successor due, again and again.
func signingKeyAddedAtOnce(t *testing.T, w *world) {
	newest, err := w.EnsureSigningKey(w.ctx, registry.SigningKey{ID: "first"})
	require.NoError(t, err)
	for round := range 6 {
		w.Advance(time.Hour)
		due := func(now registry.SigningKey) bool { return now == newest }
		added := make([]bool, 10)
		name := func(i int) string { return fmt.Sprint("k", round, "-", i) }
		for _, err := range registrytest.Race(len(added), func(i int) (err error) {
			added[i], err = w.AddSigningKey(w.ctx, due, registry.SigningKey{ID: name(i)})
			return err
		}) {
			require.NoError(t, err)
		}
		keys, err := w.SigningKeys(w.ctx)
		require.NoError(t, err)
		require.Len(t, keys, round+2)
		newest = keys[0]
		for i := range added {
			require.Equal(t, newest.ID == name(i), added[i])
		}
	}
}

func signingKeysDeleted(t *testing.T, w *world) {
	require.ErrorIs(t, w.DeleteSigningKeys(w.ctx, "k0"), registry.ErrLastKey, "there is none")
	for i := range 4 {
		_, err := w.AddSigningKey(w.ctx, always, registry.SigningKey{ID: fmt.Sprint("k", i)})
		require.NoError(t, err)
	}
	require.NoError(t, w.DeleteSigningKeys(w.ctx))
	require.NoError(t, w.DeleteSigningKeys(w.ctx, "k0", "nothing"))
	require.NoError(t, w.DeleteSigningKeys(w.ctx, "k0"))
	require.ErrorIs(t, w.DeleteSigningKeys(w.ctx, "k1", "k2", "k3"), registry.ErrLastKey)
	keys, err := w.SigningKeys(w.ctx)
	require.NoError(t, err)
	require.Len(t, keys, 3)
}

// signingKeysDeletedAtOnce: each deletion leaves others, all together would leave none.
func signingKeysDeletedAtOnce(t *testing.T, w *world) {
	for range 6 {
		var refused int
		for i := range 4 {
			_, err := w.AddSigningKey(w.ctx, always, registry.SigningKey{ID: fmt.Sprint("k", i)})
			require.True(t, err == nil || errors.Is(err, registry.ErrExists), err)
		}
		for _, err := range registrytest.Race(4, func(i int) error { return w.DeleteSigningKeys(w.ctx, fmt.Sprint("k", i)) }) {
			if err != nil {
				require.ErrorIs(t, err, registry.ErrLastKey)
				refused++
			}
		}
		require.Equal(t, 1, refused)
		keys, err := w.SigningKeys(w.ctx)
		require.NoError(t, err)
		require.Len(t, keys, 1)
	}
}
