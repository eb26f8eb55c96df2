package denylist_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

func TestProcessesShareTheSecretsOfNonces(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		noon := time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)
		at := noon
		store.Now = func() time.Time { return at }
		mine, yours := denylist.NewNonceSecrets(store), denylist.NewNonceSecrets(store)
		require.Nil(t, mine.At(noon), "it was not read yet")
		require.NoError(t, mine.Refresh(t.Context()))
		require.NoError(t, yours.Refresh(t.Context()))

		const day = 24 * time.Hour
		seen := map[string]bool{}
		for _, when := range []time.Time{noon.Add(-day), noon, noon.Add(day)} {
			require.Len(t, mine.At(when), 32)
			require.Equal(t, mine.At(when), yours.At(when))
			seen[string(mine.At(when))] = true
		}
		require.Len(t, seen, 3, "each day has another")
		require.Nil(t, mine.At(noon.Add(2*day)))

		tomorrow := mine.At(noon.Add(day))
		at = noon.Add(day)
		require.NoError(t, mine.Refresh(t.Context()))
		require.Equal(t, tomorrow, mine.At(at))
		require.Nil(t, mine.At(noon.Add(-day)), "an old one is forgotten")
		for _, name := range client.Keys(t.Context(), "{gh}:nonce:*").Val() {
			require.Positive(t, client.PTTL(t.Context(), name).Val(), "and ends in Redis")
		}

		require.NoError(t, client.FlushDB(t.Context()).Err())
		require.NoError(t, mine.Refresh(t.Context()))
		require.NotEqual(t, tomorrow, mine.At(at), "what was lost with the used proofs is of no use any more")
		require.NoError(t, yours.Refresh(t.Context()))
		require.Equal(t, mine.At(at), yours.At(at))
	})
}

func TestSecretsOfNoncesStayWhileRedisIsAway(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		secrets := denylist.NewNonceSecrets(store)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			secrets.Run(ctx, slog.New(slog.DiscardHandler))
		}()
		require.Eventually(t, func() bool { return secrets.At(time.Now()) != nil }, patience, time.Millisecond)
		known := secrets.At(time.Now())
		require.NoError(t, store.Close())
		require.Error(t, secrets.Refresh(t.Context()))
		require.Equal(t, known, secrets.At(time.Now()))
		stop()
		<-ended
	})
}
