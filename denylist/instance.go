package denylist

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// instance is the Redis process that answers now, from its start to its end, as far as Redis tells (run_id). An epoch
// belongs to the instance that it was written in: a Redis that came back with an older file, or a replica that took over,
// may hold an epoch and yet lack the latest entries. Either is a new instance. It is reached over new connections, and each
// learns its id before anything else is asked. It is safe for concurrent use.
type instance struct {
	id atomic.Pointer[string]
}

// instances are those of the nodes of a Redis Cluster, by address; a Redis that is no cluster has one, at "". It is safe for
// concurrent use, and finding one takes no lock.
type instances struct {
	at sync.Map // of *instance
}

// of returns the instance of a node, the same for every call.
func (i *instances) of(address string) *instance {
	found, ok := i.at.Load(address)
	if !ok {
		found, _ = i.at.LoadOrStore(address, &instance{})
	}
	return found.(*instance)
}

// learn is called on each new connection.
func (i *instance) learn(ctx context.Context, connection *redis.Conn) error {
	info, err := connection.Info(ctx, "server").Result()
	if err != nil && !isRefusal(err) {
		return err
	}
	for line := range strings.Lines(info) {
		if id, ok := strings.CutPrefix(line, "run_id:"); ok {
			id = strings.TrimSpace(id)
			i.id.Store(&id)
			return nil
		}
	}
	return nil // a Redis that does not tell is taken to be always the same instance
}

// isRefusal reports whether Redis has answered with an error: the command is not allowed, or not known there.
func isRefusal(err error) bool {
	var answered redis.Error
	return errors.As(err, &answered)
}

func (i *instance) newEpoch() string { return i.name() + "/" + rand.Text() }

// check returns nil for an epoch of this instance, and otherwise what wraps ErrUnknown.
func (i *instance) check(epoch string) error {
	if epoch == "" {
		return fmt.Errorf("%w: no epoch", ErrUnknown)
	}
	name := i.name()
	if len(epoch) <= len(name) || epoch[:len(name)] != name || epoch[len(name)] != '/' {
		return fmt.Errorf("%w: the epoch is of another instance of Redis", ErrUnknown)
	}
	return nil
}

func (i *instance) name() string {
	if id := i.id.Load(); id != nil {
		return *id
	}
	return ""
}
