package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
)

func TestWhatHasExpiredIsRemovedAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	w.run((&authz.Purger{Registry: w.registry, Interval: time.Millisecond}).Run)
	kept := w.clock.Now().Add(1000 * time.Hour)
	require.NoError(t, w.registry.RevokeToken(t.Context(), "kept", kept))
	known := func(token string) bool {
		known, err := w.registry.Revoked(t.Context(), token, "", "")
		require.NoError(t, err)
		return known
	}
	for round := range 3 {
		token := fmt.Sprint("token-", round)
		require.NoError(t, w.registry.RevokeToken(t.Context(), token, w.clock.Now().Add(time.Minute)))
		require.True(t, known(token))
		w.clock.advance(2 * time.Hour)
		require.Eventually(t, func() bool { return !known(token) }, 30*time.Second, time.Millisecond)
	}
	require.True(t, known("kept"))
}

func TestARegistryThatCannotBePurgedIsReported(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.Close())
	w.run((&authz.Purger{Registry: w.registry, Interval: time.Millisecond, Log: w.config.Log}).Run)
	w.logged("what has expired cannot be removed")
}
