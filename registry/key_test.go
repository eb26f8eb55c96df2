package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

func signingKey(t *testing.T, w *world) {
	none, err := w.SigningKeys(w.ctx)
	require.NoError(t, err)
	require.Empty(t, none)
	first := registry.SigningKey{ID: "k1", Algorithm: "ES256", Sealed: "eyJ.sealed", CreatedAt: start}
	got, err := w.EnsureSigningKey(w.ctx, first)
	require.NoError(t, err)
	first.CreatedAt = stored(start)
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
	for _, err := range parallel(50, func(i int) (err error) {
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
