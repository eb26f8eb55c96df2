package denylist_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

func TestAnAssertionIsUsedOnceAtAllProcesses(t *testing.T) {
	forEachRedis(t, func(t *testing.T, _ *denylist.Store, client *redis.Client) {
		here, there := patientStore(t, addressOf(client)), patientStore(t, addressOf(client))
		at := time.Now()
		here.Now = func() time.Time { return at }
		use := func(store *denylist.Store, clientID, jti string) bool {
			t.Helper()
			first, err := store.UseAssertion(t.Context(), clientID, "", jti, at.Add(5*time.Minute))
			require.NoError(t, err)
			return first
		}
		require.True(t, use(here, "app", "one"))
		names := client.Keys(t.Context(), "{gh}:assertion:*").Val()
		require.Len(t, names, 1)
		lives := client.PTTL(t.Context(), names[0]).Val()
		require.InDelta(t, (5*time.Minute + denylist.ClockMargin).Seconds(), lives.Seconds(), patience.Seconds(), "on clocks that are behind, too")
		require.False(t, use(here, "app", "one"))
		require.False(t, use(there, "app", "one"))
		require.True(t, use(there, "app", "two"))
		require.True(t, use(there, "other", "one"), "whose jti is the same by chance")
		first, err := there.UseProof(t.Context(), "app", "app", "one", at.Add(time.Minute))
		require.NoError(t, err)
		require.True(t, first, "a proof is no assertion")
	})
}

func TestRedisHoldsABoundedNumberOfAssertions(t *testing.T) {
	forEachRedis(t, func(t *testing.T, _ *denylist.Store, client *redis.Client) {
		store := patientStore(t, addressOf(client))
		use := func(clientID, jti string) error {
			_, err := store.UseAssertion(t.Context(), clientID, "", jti, time.Now().Add(time.Minute))
			return err
		}
		require.NoError(t, use("app", "one"))
		counts := client.Keys(t.Context(), "{gh}:assertions:*").Val()
		require.Len(t, counts, 1)
		require.NoError(t, client.Set(t.Context(), counts[0], 5_999, time.Minute).Err())
		require.NoError(t, use("app", "the last of the minute"))
		require.ErrorIs(t, use("app", "another"), denylist.ErrTooManyAssertions)
		require.NoError(t, use("other", "another"), "nobody uses up those of others")
		require.NoError(t, client.Set(t.Context(), "{gh}:assertions", 60_000, time.Minute).Err())
		require.ErrorIs(t, use("other", "more"), denylist.ErrTooManyAssertions)
		first, err := store.UseProof(t.Context(), "other", jkt, "one", time.Now().Add(time.Minute))
		require.NoError(t, err)
		require.True(t, first, "proofs have room of their own")
	})
}

// Anybody can have as many clients as he likes of those that no operator has registered.
func TestStrangersUseUpNoAssertionsOfOthers(t *testing.T) {
	forEachRedis(t, func(t *testing.T, _ *denylist.Store, client *redis.Client) {
		store := patientStore(t, addressOf(client))
		use := func(clientID, strangerAt, jti string) error {
			first, err := store.UseAssertion(t.Context(), clientID, strangerAt, jti, time.Now().Add(time.Minute))
			require.Equal(t, err == nil, first)
			return err
		}
		require.NoError(t, use("stranger", "192.0.2.1", "one"))
		counts := client.Keys(t.Context(), "{gh}:strangers:assertions:*").Val()
		require.Len(t, counts, 1)
		require.NoError(t, client.Set(t.Context(), counts[0], 6_000, time.Minute).Err())
		require.ErrorIs(t, use("another stranger", "192.0.2.1", "one"), denylist.ErrTooManyAssertions)
		require.NoError(t, use("another stranger", "192.0.2.2", "one"), "nor one address those of another")
		require.NoError(t, client.Set(t.Context(), "{gh}:strangers:assertions", 60_000, time.Minute).Err())
		require.ErrorIs(t, use("stranger", "192.0.2.3", "two"), denylist.ErrTooManyAssertions)
		require.NoError(t, use("app", "", "one"))

		first, err := store.UseAssertion(t.Context(), "app", "192.0.2.4", "one", time.Now().Add(time.Minute))
		require.ErrorIs(t, err, denylist.ErrTooManyAssertions)
		require.False(t, first)
		require.NoError(t, client.Del(t.Context(), "{gh}:strangers:assertions").Err())
		first, err = store.UseAssertion(t.Context(), "app", "192.0.2.4", "one", time.Now().Add(time.Minute))
		require.NoError(t, err)
		require.False(t, first, "it is the same assertion, whoever counts it")
	})
}
