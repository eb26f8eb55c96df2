package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"gatehouse/app/config"
	"gatehouse/denylist"
)

// redisLog takes what the Redis client says by itself, mostly that it reconnects. Whoever asked something logs what its
// failure means.
type redisLog struct {
	log *slog.Logger
}

func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "redis client", "event", fmt.Sprintf(format, args...))
}

// openRedis connects to the configured Redis, or to an embedded one, which it starts. The function closes both.
func openRedis(url config.SecretURL, timeout time.Duration) (*denylist.Store, func() error, error) {
	bound := denylist.WithTimeout(timeout)
	if url != config.EmbeddedRedis {
		store, err := denylist.Connect(url.Reveal(), bound)
		if err != nil {
			return nil, nil, err
		}
		return store, store.Close, nil
	}
	own, err := startEmbeddedRedis()
	if err != nil {
		return nil, nil, err
	}
	store, err := denylist.Connect("redis://"+own.redis.Addr(), bound)
	if err != nil {
		own.stop()
		return nil, nil, err
	}
	return store, func() error {
		defer own.stop()
		return store.Close()
	}, nil
}

type embedded struct {
	redis *miniredis.Miniredis
	done  chan struct{}
}

func startEmbeddedRedis() (*embedded, error) {
	own := miniredis.NewMiniRedis()
	if err := own.Start(); err != nil {
		return nil, fmt.Errorf("start embedded Redis: %w", err)
	}
	own.Server().SetPreHook(tellIdentity(rand.Text()))
	e := &embedded{redis: own, done: make(chan struct{})}
	go e.passTime()
	return e, nil
}

// tellIdentity answers INFO, which miniredis does not do. Its data ends with its process, which is all that there is to tell.
func tellIdentity(id string) server.Hook {
	info := fmt.Sprintf("run_id:%s\r\nmaster_replid:%s\r\nmaxmemory_policy:noeviction\r\n", id, id)
	return func(c *server.Peer, command string, _ ...string) bool {
		if command != "INFO" {
			return false
		}
		c.WriteBulk(info)
		return true
	}
}

// passTime moves the clock by which entries expire: miniredis has none of its own.
func (e *embedded) passTime() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			e.redis.FastForward(time.Second)
		case <-e.done:
			return
		}
	}
}

func (e *embedded) stop() {
	close(e.done)
	e.redis.Close()
}
