package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/alicebob/miniredis/v2"

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
func openRedis(url config.SecretURL) (*denylist.Store, func() error, error) {
	if url != config.EmbeddedRedis {
		store, err := denylist.Connect(url.Reveal())
		if err != nil {
			return nil, nil, err
		}
		return store, store.Close, nil
	}
	server, err := startEmbeddedRedis()
	if err != nil {
		return nil, nil, err
	}
	store, err := denylist.Connect("redis://" + server.redis.Addr())
	if err != nil {
		server.stop()
		return nil, nil, err
	}
	return store, func() error {
		defer server.stop()
		return store.Close()
	}, nil
}

type embedded struct {
	redis *miniredis.Miniredis
	done  chan struct{}
}

func startEmbeddedRedis() (*embedded, error) {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start embedded Redis: %w", err)
	}
	e := &embedded{redis: server, done: make(chan struct{})}
	go e.passTime()
	return e, nil
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
