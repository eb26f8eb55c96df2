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

// redisLog is what the Redis client says by itself: that it reconnects, mostly. What a failure means is logged by whoever
// asked.
type redisLog struct {
	log *slog.Logger
}

func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "redis client", "event", fmt.Sprintf(format, args...))
}

// openRedis connects to the configured Redis, or to one that it starts, and returns what has to be closed in order.
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

// passTime ends entries whose time has come: miniredis has no clock of its own.
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
