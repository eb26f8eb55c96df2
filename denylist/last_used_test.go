package denylist_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

func TestADayIsOneOfUTC(t *testing.T) {
	east := time.FixedZone("", 14*3600)
	day := denylist.DayOf(time.Date(2030, 1, 2, 13, 59, 59, 0, east))
	require.Equal(t, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), day.Time())
	require.Equal(t, day+1, denylist.DayOf(time.Date(2030, 1, 2, 14, 0, 0, 0, east)))
}

// TestUsesAreKeptUntilTheyAreForgotten: the latest day of each grant, whoever reports it and in whatever order.
func TestUsesAreKeptUntilTheyAreForgotten(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		uses := func(skip int) []denylist.Use {
			found, err := store.Uses(t.Context(), skip, 2)
			require.NoError(t, err)
			return found
		}
		require.Empty(t, uses(0))
		require.NoError(t, store.ReportUses(t.Context()))
		require.NoError(t, store.ReportUses(t.Context(), denylist.Use{GrantID: "a", On: 20_002}, denylist.Use{GrantID: "b", On: 20_000}))
		require.NoError(t, store.ReportUses(t.Context(), denylist.Use{GrantID: "a", On: 20_001}, denylist.Use{GrantID: "b", On: 20_001}))
		require.NoError(t, store.ReportUses(t.Context(), denylist.Use{GrantID: "c", On: 20_003}))
		require.Equal(t, []denylist.Use{{GrantID: "b", On: 20_001}, {GrantID: "a", On: 20_002}}, uses(0))
		require.Equal(t, []denylist.Use{{GrantID: "c", On: 20_003}}, uses(2))
		require.Positive(t, client.PTTL(t.Context(), "{gh}:uses").Val(), "they do not stay for ever where nobody records them")

		require.NoError(t, store.ForgetUses(t.Context()))
		require.NoError(t, store.ForgetUses(t.Context(), denylist.Use{GrantID: "b", On: 20_001}, denylist.Use{GrantID: "a", On: 20_001}))
		require.Equal(t, []denylist.Use{{GrantID: "a", On: 20_002}, {GrantID: "c", On: 20_003}}, uses(0), "a was used on a later day")
	})
}

func TestRedisHoldsABoundedNumberOfUses(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		many := make([]redis.Z, 199_999)
		for i := range many {
			many[i] = redis.Z{Member: i, Score: 20_000}
		}
		require.NoError(t, client.ZAdd(t.Context(), "{gh}:uses", many...).Err())
		last, another := denylist.Use{GrantID: "last", On: 20_000}, denylist.Use{GrantID: "another", On: 20_000}
		require.NoError(t, store.ReportUses(t.Context(), last))
		require.ErrorIs(t, store.ReportUses(t.Context(), another), denylist.ErrTooManyUses)
		require.NoError(t, store.ForgetUses(t.Context(), last))
		require.NoError(t, store.ReportUses(t.Context(), another))
	})
}

func TestOneAtATimeRecordsUses(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		turn := func() bool {
			mine, err := store.TakeUsesTurn(t.Context(), time.Hour)
			require.NoError(t, err)
			return mine
		}
		require.True(t, turn())
		require.False(t, turn())
		require.Positive(t, client.PTTL(t.Context(), "{gh}:uses:turn").Val(), "whoever dies in it does not keep it")
		require.NoError(t, client.Del(t.Context(), "{gh}:uses:turn").Err())
		require.True(t, turn())
	})
}
