package denylist_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

// losing wipes Redis just before it is scanned for the first time, and counts the reads of the feed's end after that.
type losing struct {
	server *miniredis.Miniredis
	lost   atomic.Bool
	after  atomic.Int64
}

var _ redis.Hook = (*losing)(nil)

func (l *losing) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *losing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "scan" && l.lost.CompareAndSwap(false, true) {
			l.server.FlushAll()
		}
		return next(ctx, cmd)
	}
}

func (l *losing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if l.lost.Load() {
			l.after.Add(1)
		}
		return next(ctx, cmds)
	}
}

func TestAMirrorDoesNotBelieveARedisThatLostEverythingWhileItWasLoaded(t *testing.T) {
	server := miniredis.RunT(t)
	hooked := redis.NewClient(&redis.Options{Addr: server.Addr()})
	hook := &losing{server: server}
	hooked.AddHook(hook)
	store := denylist.New(redis.NewClient(&redis.Options{Addr: server.Addr()}), hooked)
	t.Cleanup(func() { _ = store.Close() })
	require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, asked.TokenID)))
	require.NoError(t, store.Reload(t.Context(), nothing()))

	mirror := denylist.NewMirror(store, time.Hour, slog.New(slog.DiscardHandler)) // so that it goes on believing
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); mirror.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	require.Eventually(t, func() bool { return hook.after.Load() >= 2 }, patience, tick)
	require.ErrorIs(t, mirror.Check(t.Context(), asked), denylist.ErrUnknown, "the revoked token must not pass")
	require.False(t, mirror.Ready())
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
