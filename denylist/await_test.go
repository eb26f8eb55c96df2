package denylist_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

// line is the connection of one process to Redis. A test can count what it asks, and hold it.
type line struct {
	commands atomic.Int64
	reports  atomic.Int64
	before   func(command string) // each; nil: nothing
	held     sync.RWMutex
}

var _ redis.Hook = (*line)(nil)

func (l *line) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *line) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		l.pass(cmd)
		return next(ctx, cmd)
	}
}

func (l *line) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		l.pass(cmds...)
		return next(ctx, cmds)
	}
}

func (l *line) pass(cmds ...redis.Cmder) {
	l.held.RLock()
	defer l.held.RUnlock()
	for _, cmd := range cmds {
		l.commands.Add(1)
		if len(cmd.Args()) == 11 && cmd.Args()[4] == "{gh}:gateways" { // EVALSHA, script, 3, three keys, five arguments
			l.reports.Add(1)
		}
		if l.before != nil {
			l.before(cmd.Name())
		}
	}
}

// onLine is a store of a process of its own at the Redis of another client.
func onLine(t *testing.T, client *redis.Client, l *line) *denylist.Store {
	t.Helper()
	options := *client.Options()
	options.ContextTimeoutEnabled, options.MaxRetries = true, -1
	own := redis.NewClient(&options)
	own.AddHook(l)
	store := denylist.New(own, own)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// await waits for as long as a test does.
func await(t *testing.T, store *denylist.Store, at denylist.Position) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	unconfirmed, err := store.Await(ctx, at)
	require.NoError(t, err)
	return unconfirmed
}

func TestWhoWaitedForTheGatewaysFindsThatAllRefuse(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		gateways := []*denylist.Mirror{
			follow(t, onLine(t, client, &line{}), time.Minute), follow(t, onLine(t, client, &line{}), time.Minute),
			follow(t, onLine(t, client, &line{}), time.Minute),
		}
		for _, gateway := range gateways {
			require.Eventually(t, gateway.Ready, patience, tick)
		}
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for n := range 25 {
					q := denylist.Query{TokenID: fmt.Sprint("t", i, ".", n), ClientID: "c"}
					at, err := store.Publish(t.Context(), inAnHour(denylist.Token, q.TokenID))
					if n%5 == 0 {
						at = denylist.Position{} // whoever finds that another has written it
					}
					if err != nil || len(await(t, store, at)) > 0 {
						t.Errorf("%v", err)
					}
					for _, gateway := range gateways {
						if gateway.Check(t.Context(), q) == nil {
							t.Error("a gateway that was waited for lets a revoked token pass")
						}
					}
				}
			})
		}
		all.Wait()
		require.Zero(t, store.Unconfirmed())
		for _, gateway := range gateways {
			require.LessOrEqual(t, gateway.Staleness(), time.Minute, "it answers from memory")
		}
	})
}

func TestAGatewayThatStopsReadingIsNamedAndThenForgotten(t *testing.T) {
	server := startRedis(t)
	store := connect(t, "redis://127.0.0.1:"+server.port)
	require.NoError(t, store.Reload(t.Context(), nothing()))
	stuck := &line{}
	for _, l := range []*line{stuck, {}} {
		gateway := follow(t, onLine(t, server.client(), l), staleness)
		require.Eventually(t, gateway.Ready, patience, tick)
	}
	names := server.client().SMembers(t.Context(), "{gh}:gateways").Val()
	require.Len(t, names, 2)

	stuck.held.Lock()
	at, err := store.Publish(t.Context(), inAnHour(denylist.Token, asked.TokenID))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	unconfirmed, err := store.Await(ctx, at)
	require.NoError(t, err)
	require.Len(t, unconfirmed, 1)
	require.Contains(t, names, unconfirmed[0])
	require.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond)
	require.EqualValues(t, 1, store.Unconfirmed())
	unconfirmed, err = store.Await(ctx, at)
	require.NoError(t, err)
	require.Len(t, unconfirmed, 1, "who has no time to wait is told who is missing")

	require.Empty(t, await(t, store, at), "it is taken for dead a few seconds after it was heard last")
	require.Less(t, time.Since(began), patience)
	require.Len(t, server.client().SMembers(t.Context(), "{gh}:gateways").Val(), 1)
	stuck.held.Unlock()
	require.Eventually(t, func() bool { return len(server.client().SMembers(t.Context(), "{gh}:gateways").Val()) == 2 },
		patience, tick, "it is there again")
}

func TestAGatewayThatStopsTakesLeave(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		t.Run("gateway", func(t *testing.T) {
			gateway := follow(t, onLine(t, client, &line{}), time.Minute)
			require.Eventually(t, gateway.Ready, patience, tick)
			require.Len(t, client.SMembers(t.Context(), "{gh}:gateways").Val(), 1)
		})
		require.Empty(t, client.SMembers(t.Context(), "{gh}:gateways").Val())
		require.Empty(t, client.Keys(t.Context(), "{gh}:gateway:*").Val())
	})
}

func TestWithoutGatewaysNothingIsAsked(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		l := &line{}
		alone := onLine(t, client, l)
		require.NoError(t, alone.Reload(t.Context(), nothing()))
		at, err := alone.Publish(t.Context(), inAnHour(denylist.Token, asked.TokenID))
		require.NoError(t, err)
		asked := l.commands.Load()
		require.Empty(t, await(t, alone, at))
		require.Equal(t, asked, l.commands.Load())

		mirror := follow(t, alone, time.Minute)
		require.Eventually(t, mirror.Ready, patience, tick)
		at, err = mirror.Publish(t.Context(), inAnHour(denylist.Token, "own"))
		require.NoError(t, err)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		unconfirmed, err := mirror.Await(cancelled, at)
		require.NoError(t, err)
		require.Empty(t, unconfirmed, "the gateway of the same process knows at once")
	})
}

// TestAGatewayIsKnownBeforeItAnswersFromMemory, or else a revocation that is written while it loads would not wait for it.
func TestAGatewayIsKnownBeforeItAnswersFromMemory(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		l := &line{}
		gateway := denylist.NewMirror(onLine(t, client, l), time.Minute, slog.New(slog.DiscardHandler))
		var once sync.Once
		l.before = func(command string) {
			if command != "xrange" || gateway.Ready() {
				return
			}
			once.Do(func() { // it is about to read to the end of the feed
				at, err := store.Publish(t.Context(), inAnHour(denylist.Token, asked.TokenID))
				if err != nil {
					t.Error(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				if unconfirmed, err := store.Await(ctx, at); err != nil || len(unconfirmed) != 1 {
					t.Error("nobody waits for a gateway that starts: ", unconfirmed, err)
				}
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); gateway.Run(ctx) }()
		require.Eventually(t, gateway.Ready, patience, tick)
		require.ErrorIs(t, gateway.Check(t.Context(), asked), denylist.ErrRevoked)
		cancel()
		<-ended
	})
}

func TestAFloodOfEntriesCostsFewReports(t *testing.T) {
	forEachRedis(t, func(t *testing.T, store *denylist.Store, client *redis.Client) {
		require.NoError(t, store.Reload(t.Context(), nothing()))
		l := &line{}
		gateway := follow(t, onLine(t, client, l), time.Minute)
		require.Eventually(t, gateway.Ready, patience, tick)
		began, before := time.Now(), l.reports.Load()
		require.NotZero(t, before)
		const count = 2000
		for i := range count {
			require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, fmt.Sprint(i))))
		}
		require.Empty(t, await(t, store, denylist.Position{}))
		require.Equal(t, count, gateway.Size())
		require.LessOrEqual(t, l.reports.Load()-before, 2+int64(time.Since(began)/(5*time.Millisecond)))
		require.Less(t, l.reports.Load()-before, int64(count))
	})
}

func TestAGatewayThatMayNotReportSaysSo(t *testing.T) {
	server := startRedis(t)
	server.addUser("reader", "nopass", "resetkeys", "~{gh}:deny:*")
	store := connect(t, "redis://127.0.0.1:"+server.port)
	require.NoError(t, store.Reload(t.Context(), nothing()))
	reader := connect(t, "redis://reader:any@127.0.0.1:"+server.port)
	gateway := follow(t, reader, staleness)
	require.Eventually(t, gateway.Ready, patience, tick, "it follows the feed all the same")
	require.Eventually(t, func() bool { return reader.Condition().Mute }, patience, tick)
	require.ErrorContains(t, reader.Condition().Err(), "revocations do not wait for it")
	require.NoError(t, store.Deny(t.Context(), inAnHour(denylist.Token, asked.TokenID)))
	eventuallyRevoked(t, gateway, asked)
}

func TestNobodyCanBeHeardWhenRedisIsGone(t *testing.T) {
	server := startRedis(t)
	store := connect(t, "redis://127.0.0.1:"+server.port)
	require.NoError(t, store.Reload(t.Context(), nothing()))
	gateway := follow(t, onLine(t, server.client(), &line{}), staleness)
	require.Eventually(t, gateway.Ready, patience, tick)
	at, err := store.Publish(t.Context(), inAnHour(denylist.Token, asked.TokenID))
	require.NoError(t, err)
	server.kill()
	for _, at := range []denylist.Position{at, {}} {
		_, err := store.Await(t.Context(), at)
		require.Error(t, err, "and not: everybody knows")
	}
	require.Zero(t, store.Unconfirmed(), "how many is not known")
}
