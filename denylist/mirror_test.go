package denylist_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

const (
	staleness = 400 * time.Millisecond
	patience  = 10 * time.Second
	tick      = 5 * time.Millisecond
)

// follow runs a mirror of the store until the test ends and waits until it has loaded everything.
func follow(t *testing.T, store *denylist.Store, maxStaleness time.Duration) *denylist.Mirror {
	t.Helper()
	mirror := denylist.NewMirror(store, maxStaleness, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		mirror.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return mirror
}

func eventuallyRevoked(t *testing.T, checker denylist.Checker, q denylist.Query) {
	t.Helper()
	require.Eventually(t, func() bool { return errors.Is(checker.Check(t.Context(), q), denylist.ErrRevoked) }, patience, tick)
}

func TestAMirrorAnswersLikeTheStoreItFollows(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		for i := range 2500 { // more than one page
			require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, fmt.Sprint(i))))
		}
		require.NoError(t, store.Reload(t.Context(), nothing()))

		mirror := follow(t, store, staleness)
		require.Eventually(t, mirror.Ready, patience, tick)
		require.Equal(t, 2500, mirror.Size(), "everything that was revoked before is known at once")
		require.ErrorIs(t, tell(t, mirror, denylist.Query{TokenID: "2499", ClientID: "c"}), denylist.ErrRevoked)
		require.NoError(t, tell(t, mirror, asked))

		for _, e := range []denylist.Entry{inAnHour(denylist.Grant, "g"), inAnHour(denylist.Client, "c")} {
			require.NoError(t, store.Deny(t.Context(), e))
		}
		eventuallyRevoked(t, mirror, denylist.Query{TokenID: "new", GrantID: "g", ClientID: "other"})
		eventuallyRevoked(t, mirror, denylist.Query{TokenID: "new", GrantID: "other", ClientID: "c"})
		require.EqualValues(t, 1, mirror.Loads(), "the feed was enough")
	})
}

func TestAMirrorKnowsHowLongNewsTook(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, "before")))
		require.NoError(t, store.Reload(t.Context(), nothing()))
		mirror := follow(t, store, staleness)
		require.Eventually(t, mirror.Ready, patience, tick)
		require.Zero(t, mirror.Lag(), "what was loaded is no news")

		require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, asked.TokenID)))
		require.Eventually(t, func() bool { return mirror.Size() == 2 }, patience, tick)
		require.Less(t, mirror.Lag(), patience)

		old := fmt.Sprint(time.Now().Add(-time.Hour).UnixMilli())
		pipe := client.TxPipeline() // a feed that an hour was lost on
		pipe.Del(t.Context(), "{gh}:deny:feed")
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "{gh}:deny:feed", ID: old + "-0", Values: []any{"kind", "token", "id", "a", "exp", "9999999999999"}})
		_, err := pipe.Exec(t.Context())
		require.NoError(t, err)
		loads := mirror.Loads()
		require.Eventually(t, func() bool { return mirror.Loads() > loads }, patience, tick)
		late := inAnHour(denylist.Token, "late")
		require.NoError(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: "{gh}:deny:feed", ID: old + "-1", Values: []any{
			"kind", string(late.Kind), "id", late.ID, "exp", late.ExpiresAt.UnixMilli()}}).Err())
		eventuallyRevoked(t, mirror, denylist.Query{TokenID: "late", ClientID: "c"})
		require.Eventually(t, func() bool { return mirror.Lag() > 59*time.Minute }, patience, tick)
	})
}

func TestAStoreShowsItsPools(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		require.NoError(t, tell(t, store, asked))
		require.Len(t, store.Pools(), 2)
		require.NotZero(t, store.Pools()["check"].TotalConns)
		require.NotZero(t, store.Pools()["write"].TotalConns)
	})
}

func TestWhatAMirrorWritesItRefusesAtOnce(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		mirror := follow(t, store, staleness)
		require.NoError(t, mirror.Deny(t.Context(), inAnHour(denylist.Token, asked.TokenID)))
		require.ErrorIs(t, tell(t, mirror, asked), denylist.ErrRevoked)
		require.ErrorIs(t, tell(t, store, asked), denylist.ErrRevoked)
	})
}

func TestAMirrorIsNotReadyBeforeRedisIsComplete(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, _ *redis.Client) {
		mirror := follow(t, store, staleness)
		require.ErrorIs(t, tell(t, mirror, asked), denylist.ErrUnknown)
		require.False(t, mirror.Ready())
		require.NoError(t, store.Reload(t.Context(), nothing()))
		require.Eventually(t, mirror.Ready, patience, tick)
		require.NoError(t, tell(t, mirror, asked))
	})
}

func TestAMirrorLoadsAgainWhenItMayHaveMissedSomething(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, store *denylist.Store, client *redis.Client){
		"wiped and filled again": func(t *testing.T, store *denylist.Store, client *redis.Client) {
			require.NoError(t, client.FlushDB(t.Context()).Err())
			require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, asked.TokenID)))
			require.NoError(t, client.Del(t.Context(), "{gh}:deny:feed").Err())
			require.NoError(t, store.Reload(t.Context(), nothing()))
		},
		"feed trimmed": func(t *testing.T, store *denylist.Store, client *redis.Client) {
			pipe := client.TxPipeline() // in one step, so that the mirror cannot read in between
			pipe.Set(t.Context(), "{gh}:deny:token:"+asked.TokenID, time.Now().Add(time.Hour).UnixMilli(), time.Hour)
			pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "{gh}:deny:feed", Values: []any{"kind", "token", "id", asked.TokenID, "exp", "1"}})
			pipe.XTrimMaxLen(t.Context(), "{gh}:deny:feed", 0)
			_, err := pipe.Exec(t.Context())
			require.NoError(t, err)
		},
		"back to an older state": func(t *testing.T, store *denylist.Store, client *redis.Client) {
			lines, err := client.XRevRangeN(t.Context(), "{gh}:deny:feed", "+", "-", 1).Result()
			require.NoError(t, err)
			pipe := client.TxPipeline()
			pipe.XDel(t.Context(), "{gh}:deny:feed", lines[0].ID)
			pipe.Set(t.Context(), "{gh}:deny:token:"+asked.TokenID, time.Now().Add(time.Hour).UnixMilli(), time.Hour)
			_, err = pipe.Exec(t.Context())
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
				require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, "earlier")))
				require.NoError(t, store.Reload(t.Context(), nothing()))
				mirror := follow(t, store, staleness)
				require.Eventually(t, mirror.Ready, patience, tick)

				lose(t, store, client)
				eventuallyRevoked(t, mirror, asked)
				require.Greater(t, mirror.Loads(), int64(1))
				require.ErrorIs(t, tell(t, mirror, denylist.Query{TokenID: "earlier", ClientID: "c"}), denylist.ErrRevoked,
					"what a mirror has known to be revoked stays refused")
			})
		})
	}
}

func TestAMirrorThatLoadedFromAnEmptyFeedMissesNothing(t *testing.T) {
	for name, empty := range map[string]bool{"filled by this version": false, "filled by one that left no mark": true} {
		t.Run(name, func(t *testing.T) {
			forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
				require.NoError(t, store.Reload(t.Context(), nothing()))
				if empty {
					require.NoError(t, client.Del(t.Context(), "{gh}:deny:feed").Err())
				}
				mirror := follow(t, store, time.Minute)
				require.Eventually(t, mirror.Ready, patience, tick)
				require.Zero(t, mirror.Size())
				require.Zero(t, mirror.Lag())

				pipe := client.TxPipeline() // in one step, as if the mirror had not read for long
				pipe.Set(t.Context(), "{gh}:deny:token:"+asked.TokenID, time.Now().Add(time.Hour).UnixMilli(), time.Hour)
				for _, id := range []string{asked.TokenID, "later"} {
					pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "{gh}:deny:feed", Values: []any{
						"kind", "token", "id", id, "exp", time.Now().Add(time.Hour).UnixMilli()}})
				}
				pipe.XTrimMaxLen(t.Context(), "{gh}:deny:feed", 1)
				_, err := pipe.Exec(t.Context())
				require.NoError(t, err)
				eventuallyRevoked(t, mirror, asked)
			})
		})
	}
}

func TestAMirrorReadsTheFeedToItsEndBeforeItIsFresh(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		mirror := follow(t, store, time.Minute)
		require.Eventually(t, mirror.Ready, patience, tick)
		const count = 2500 // more than one page, written in one step
		pipe := client.TxPipeline()
		for i := range count {
			pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "{gh}:deny:feed", Values: []any{
				"kind", "grant", "id", i, "exp", time.Now().Add(time.Hour).UnixMilli(),
			}})
		}
		_, err := pipe.Exec(t.Context())
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			return mirror.Size() == count
		}, patience, tick)
		require.EqualValues(t, 1, mirror.Loads())
	})
}
