package denylist_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

// bubble is a mirror and its Redis in a time of their own, which stands still unless the test sleeps.
type bubble struct {
	t      *testing.T
	redis  *miniredis.Miniredis
	client *redis.Client
	store  *denylist.Store
	log    logBuffer

	mu    sync.Mutex
	conns []net.Conn
	down  bool
}

// inBubble runs a test with a Redis that knows it has everything, and that no mirror follows yet.
func inBubble(t *testing.T, test func(t *testing.T, b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, redis: miniredis.NewMiniRedis()}
		t.Cleanup(b.redis.Close)
		b.client = redis.NewClient(&redis.Options{
			Addr:   "127.0.0.1:1", // nothing to look up; the dialer decides
			Dialer: b.dial, ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true,
		})
		b.store = denylist.New(b.client, b.client)
		t.Cleanup(func() {
			_ = b.store.Close()
			time.Sleep(time.Second) // a pool that could not connect looks once a second whether it was closed
		})
		require.NoError(t, b.store.Reload(t.Context(), nothing()))
		test(t, b)
	})
}

func (b *bubble) dial(context.Context, string, string) (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return nil, errors.New("connection refused")
	}
	conn, err := b.redis.Dial()
	b.conns = append(b.conns, conn)
	return conn, err
}

// cut closes every connection, and lets nobody connect until mend.
func (b *bubble) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = true
	for _, conn := range b.conns {
		_ = conn.Close()
	}
}

func (b *bubble) mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = false
}

// follow runs a mirror until the test ends, and returns when it has loaded what there was.
func (b *bubble) follow(maxStaleness time.Duration) *denylist.Mirror {
	b.t.Helper()
	mirror := denylist.NewMirror(b.store, maxStaleness, slog.New(slog.NewTextHandler(&b.log, nil)))
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); mirror.Run(ctx) }()
	b.t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	return mirror
}

// logBuffer is a log that is read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// pass lets time pass in a bubble, and everything happen that was to happen until then.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestAMirrorThatIsTooOldAsksRedisAndRefusesWhatItKnows(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		require.NoError(t, b.store.Deny(t.Context(), inAnHour(denylist.Token, "known")))
		mirror := b.follow(staleness)
		require.True(t, mirror.Ready())

		b.cut()
		pass(staleness - staleness/4) // it may be a quarter since it looked last
		require.NoError(t, mirror.Check(t.Context(), asked))
		pass(staleness/4 + 1)
		require.ErrorIs(t, mirror.Check(t.Context(), asked), denylist.ErrUnknown,
			"a mirror that cannot follow must not go on saying that nothing was revoked")
		require.ErrorIs(t, mirror.Check(t.Context(), denylist.Query{TokenID: "known", ClientID: "c"}), denylist.ErrRevoked)

		b.mend()
		require.NoError(t, mirror.Check(t.Context(), asked), "Redis is asked")
		pass(400 * time.Millisecond) // until it tries again, and has thrown away every broken connection
		require.LessOrEqual(t, mirror.Staleness(), staleness/4)
		require.NoError(t, mirror.Check(t.Context(), asked))
	})
}

func TestAMirrorRefusesWhatItCouldNotWrite(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		mirror := b.follow(staleness)
		b.cut()
		pass(2 * staleness)
		require.ErrorIs(t, mirror.Check(t.Context(), asked), denylist.ErrUnknown)
		require.Error(t, mirror.Deny(t.Context(), inAnHour(denylist.Grant, asked.GrantID)))
		require.ErrorIs(t, mirror.Check(t.Context(), asked), denylist.ErrRevoked, "a route that allows unknown tokens must refuse this one")
	})
}

func TestAMirrorDoesNotBecomeFreshWhenItsClockIsSetBack(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		var ahead atomic.Int64
		b.store.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		mirror := b.follow(time.Minute)
		b.cut()
		require.NoError(t, mirror.Check(t.Context(), asked))
		ahead.Store(int64(-time.Hour))
		require.ErrorIs(t, mirror.Check(t.Context(), asked), denylist.ErrUnknown)
	})
}

func TestAMirrorForgetsEntriesThatHaveEnded(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		require.NoError(t, b.store.Deny(t.Context(), inAnHour(denylist.Token, "short"),
			denylist.Entry{Kind: denylist.Token, ID: "long", ExpiresAt: time.Now().Add(24 * time.Hour)}))
		mirror := b.follow(time.Hour)
		require.Equal(t, 2, mirror.Size())

		pass(time.Hour + 2*time.Minute)
		require.Equal(t, 2, mirror.Size(), "it is kept for gateways whose clock is two minutes behind")
		pass(time.Minute + 2*time.Second) // it looks once a minute, and has news at least once a second
		require.Equal(t, 1, mirror.Size())
		require.ErrorIs(t, mirror.Check(t.Context(), denylist.Query{TokenID: "long", ClientID: "c"}), denylist.ErrRevoked)
	})
}

func TestAMirrorThatMayBeVeryOldEndsSoonAllTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		mirror := denylist.NewMirror(b.store, 24*time.Hour, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); mirror.Run(ctx) }()
		pass(time.Minute)
		require.True(t, mirror.Ready())
		cancel()
		began := time.Now()
		<-ended
		require.LessOrEqual(t, time.Since(began), time.Second)
	})
}

// An operator reads nothing while a Redis that starts at the same time is being filled, and then one line.
func TestAMirrorWarnsOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		require.NoError(t, b.client.FlushAll(t.Context()).Err())
		mirror := b.follow(staleness)
		pass(10 * time.Second)
		require.Empty(t, b.log.String())
		pass(time.Second)
		require.Equal(t, 1, strings.Count(b.log.String(), "Redis is asked instead"), &b.log)

		require.NoError(t, b.store.Reload(t.Context(), nothing()))
		pass(time.Second)
		require.True(t, mirror.Ready())
		require.Equal(t, 1, strings.Count(b.log.String(), "up to date again"), &b.log)
		b.cut()
		pass(time.Minute)
		require.Equal(t, 2, strings.Count(b.log.String(), "Redis is asked instead"), &b.log)
	})
}

// losing wipes Redis just before it is scanned for the first time, and counts what is asked for the feed's end after that.
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
		if strings.HasPrefix(cmd.Name(), "eval") && l.lost.Load() {
			l.after.Add(1)
		}
		return next(ctx, cmd)
	}
}

func (l *losing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return next(ctx, cmds) }
}

func TestAMirrorDoesNotBelieveARedisThatLostEverythingWhileItWasLoaded(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		require.NoError(t, b.store.Deny(t.Context(), inAnHour(denylist.Token, asked.TokenID)))
		hook := &losing{server: b.redis}
		b.client.AddHook(hook)
		mirror := b.follow(time.Hour) // so that it would go on believing
		pass(time.Minute)
		require.GreaterOrEqual(t, hook.after.Load(), int64(2))
		require.ErrorIs(t, mirror.Check(t.Context(), asked), denylist.ErrUnknown, "the revoked token must not pass")
		require.False(t, mirror.Ready())
	})
}
