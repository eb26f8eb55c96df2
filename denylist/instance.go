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

// identity tells one state of a Redis from another, as far as Redis tells. An epoch belongs to the identity that it was
// written under: a Redis that came back with an older file, a replica that took over, and a process whose data was replaced
// by that of another, may hold an epoch and yet lack the latest entries.
type identity struct {
	process string // run_id: from the start of a process to its end
	history string // master_replid: it changes when a process takes over the data of another, or stops to follow it
}

// instance is the identity of the Redis that answers now. Each new connection learns it before anything else is asked; what
// changes without a new connection is learned by Watch and Loaded. It is safe for concurrent use.
type instance struct {
	known atomic.Pointer[identity] // nil for a Redis that does not tell: it is taken to be always the same
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

// learn is called on each new connection. Among them are those to Sentinels, which know nothing of the denylist: go-redis
// makes them with the same options.
func (i *instance) learn(ctx context.Context, connection *redis.Conn) error {
	pipe := connection.Pipeline()
	asked := askIdentity(ctx, pipe)
	_, _ = pipe.Exec(ctx) // each answer has its error
	_, err := i.take(asked)
	return err
}

// identification is the question for the identity of a Redis, and then the answer.
type identification struct {
	server, replication *redis.StringCmd
}

func askIdentity(ctx context.Context, pipe redis.Pipeliner) identification {
	return identification{pipe.Info(ctx, "server"), pipe.Info(ctx, "replication")}
}

// take learns from an answer. It reports whether Redis told its process and its history. A refusal is no error.
func (i *instance) take(asked identification) (told bool, err error) {
	for _, answer := range []*redis.StringCmd{asked.server, asked.replication} {
		if err := answer.Err(); err != nil && !isRefusal(err) {
			return false, err
		}
	}
	server, replication := asked.server.Val(), asked.replication.Val()
	if infoField(server, "redis_mode") == "sentinel" {
		return false, nil
	}
	found := identity{infoField(server, "run_id"), infoField(replication, "master_replid")}
	if found != (identity{}) {
		if known := i.known.Load(); known == nil || *known != found {
			i.known.Store(&found)
		}
	}
	return found.process != "" && found.history != "", nil
}

// infoField is the value of a field in an answer to INFO, "" when it is not there.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name); ok && strings.HasPrefix(value, ":") {
			return strings.TrimSpace(value[1:])
		}
	}
	return ""
}

// isRefusal reports whether Redis has answered with an error: the command is not allowed, or not known there.
func isRefusal(err error) bool {
	var answered redis.Error
	return errors.As(err, &answered)
}

func (i *instance) newEpoch() string {
	now := i.identity()
	return now.process + "/" + now.history + "/" + rand.Text()
}

// check returns nil for an epoch of this instance, and otherwise what wraps ErrUnknown. What either side was not told is not
// compared; nor is the history of an epoch that an older version wrote, which has none.
func (i *instance) check(epoch string) error {
	if epoch == "" {
		return fmt.Errorf("%w: no epoch", ErrUnknown)
	}
	now := i.identity()
	process, rest, isEpoch := strings.Cut(epoch, "/")
	history, _, isWhole := strings.Cut(rest, "/")
	switch {
	case !isEpoch:
		return fmt.Errorf("%w: the epoch cannot be read", ErrUnknown)
	case differ(process, now.process):
		return fmt.Errorf("%w: the epoch is of another instance of Redis", ErrUnknown)
	case isWhole && differ(history, now.history):
		return fmt.Errorf("%w: the data of Redis was replaced after the epoch", ErrUnknown)
	default:
		return nil
	}
}

func differ(a, b string) bool { return a != "" && b != "" && a != b }

func (i *instance) identity() identity {
	if known := i.known.Load(); known != nil {
		return *known
	}
	return identity{}
}
