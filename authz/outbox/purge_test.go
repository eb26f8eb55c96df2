package outbox_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/internal/authztest"
	"gatehouse/authz/outbox"
)

func TestWhatHasExpiredIsRemovedAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	authztest.Run(t, (&outbox.Purger{Registry: w.registry, Interval: time.Millisecond}).Run)
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
		w.clock.Advance(2 * time.Hour)
		require.Eventually(t, func() bool { return !known(token) }, 30*time.Second, time.Millisecond)
	}
	require.True(t, known("kept"))
}

func TestARegistryThatCannotBePurgedIsReported(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.Close())
	log := &authztest.Log{}
	authztest.Run(t, (&outbox.Purger{Registry: w.registry, Interval: time.Millisecond, Log: slog.New(slog.NewTextHandler(log, nil))}).Run)
	log.Await(t, "what has expired cannot be removed")
}
