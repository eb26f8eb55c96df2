package main

import (
	"context"
	"fmt"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9"

	"gatehouse/denylist"
)

// services are what contestants need around them: the upstream and the JWKS, in this process, and a Redis.
type services struct {
	upstream *upstream
	jwks     net.Listener
	redis    *process
	redisURL string
}

// startServices starts them. Redis holds an empty denylist.
func startServices(ctx context.Context, dir string, m *mint) (_ *services, err error) {
	s := &services{}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if s.upstream, err = startUpstream(ctx); err != nil {
		return nil, err
	}
	if s.jwks, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	document, _ := m.ring.JWKS()
	go func() {
		_ = http.Serve(s.jwks, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(document)
		}))
	}()
	if err := s.startRedis(ctx, dir); err != nil {
		return nil, err
	}
	return s, s.deny(ctx, nothing)
}

func (s *services) startRedis(ctx context.Context, dir string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if dir = filepath.Join(dir, "redis"); os.Mkdir(dir, 0o700) != nil {
		return fmt.Errorf("cannot make %s", dir)
	}
	command := []string{"redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no"}
	if s.redis, err = startProcess("redis-server", dir, command, nil); err != nil {
		return err
	}
	s.redisURL = "redis://" + address + "/0"
	return s.redis.await(ctx, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

func nothing(func([]denylist.Entry, error) bool) {}

// deny makes the denylist complete, with these entries and those that it had.
func (s *services) deny(ctx context.Context, pages iter.Seq2[[]denylist.Entry, error]) error {
	store, err := denylist.Connect(s.redisURL)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	return store.Reload(ctx, pages)
}

// forget leaves Redis as it was at the start. It takes so many proofs a minute, and has no room for those of several rounds.
func (s *services) forget(ctx context.Context) error {
	options, err := redis.ParseURL(s.redisURL)
	if err != nil {
		return err
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	if err := client.FlushDB(ctx).Err(); err != nil {
		return err
	}
	return s.deny(ctx, nothing)
}

func (s *services) stop() {
	if s.jwks != nil {
		_ = s.jwks.Close()
	}
	if s.redis != nil {
		s.redis.stop()
	}
}
