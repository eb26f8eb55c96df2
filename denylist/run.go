package denylist

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/puzpuzpuz/xsync/v3"
	"github.com/redis/go-redis/v9"
)

// run is the one life of the Redis process that answers now, as far as it tells. An epoch belongs to the run that it was
// written in: a Redis that came back with an older file, or a replica that took over, may lack the latest entries and yet
// hold an epoch. Either is a new run and is reached over new connections, which learn its id before anything else is
// asked. It is safe for concurrent use.
type run struct {
	id atomic.Pointer[string]
}

// runs are those of the nodes of a Redis Cluster, by address, or the one of a Redis that is no cluster, at "". It is safe for
// concurrent use, and finding one takes no lock.
type runs struct {
	at *xsync.MapOf[string, *run]
}

func newRuns() *runs { return &runs{at: xsync.NewMapOf[string, *run]()} }

// of returns the run of a node, the same for every call.
func (r *runs) of(address string) *run {
	found, _ := r.at.LoadOrCompute(address, func() *run { return &run{} })
	return found
}

// learn is called on each new connection.
func (r *run) learn(ctx context.Context, connection *redis.Conn) error {
	info, err := connection.Info(ctx, "server").Result()
	if err != nil && !isRefusal(err) {
		return err
	}
	for line := range strings.Lines(info) {
		if id, ok := strings.CutPrefix(line, "run_id:"); ok {
			id = strings.TrimSpace(id)
			r.id.Store(&id)
			return nil
		}
	}
	return nil // one that does not tell is taken to be always the same
}

// isRefusal holds when Redis has answered, but not what was asked: the command is not allowed, or not known there.
func isRefusal(err error) bool {
	var answered redis.Error
	return errors.As(err, &answered)
}

func (r *run) newEpoch() string { return r.name() + "/" + rand.Text() }

// check returns nil for an epoch of this run, and what wraps ErrUnknown for another one or for none.
func (r *run) check(epoch string) error {
	if epoch == "" {
		return fmt.Errorf("%w: no epoch", ErrUnknown)
	}
	name := r.name()
	if len(epoch) <= len(name) || epoch[:len(name)] != name || epoch[len(name)] != '/' {
		return fmt.Errorf("%w: the epoch is of another run of Redis", ErrUnknown)
	}
	return nil
}

func (r *run) name() string {
	if id := r.id.Load(); id != nil {
		return *id
	}
	return ""
}
