package denylist

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// All keys share one hash tag, so that a Redis Cluster keeps them in one slot and can change them in one step.
	keyPrefix  = "{gh}:deny:"
	epochKey   = keyPrefix + "epoch"
	loadingKey = keyPrefix + "loading"
	feedKey    = keyPrefix + "feed"

	// keyPattern matches all of them: braces mean nothing in a pattern of SCAN.
	keyPattern = "{gh}:deny:*"

	// feedLength is about how many entries the feed keeps. A mirror that fell further behind reloads.
	feedLength = "100000"

	// ClockMargin is how much longer than its tokens an entry is kept. A gateway whose clock is behind by less accepts no
	// revoked token once its entry has gone. app/config/clocks.go says what it depends on.
	ClockMargin = 2 * time.Minute

	writeTimeout = 2 * time.Second
)

// Store is the denylist in Redis. It checks strictly: each Check asks Redis. It is safe for concurrent use.
type Store struct {
	check     redis.UniversalClient
	checks    *batcher
	uses      sharing[use]
	write     redis.UniversalClient
	instances *instances
	health    health
	timeout   time.Duration // of a question
	waiting   waiting

	unconfirmed atomic.Int64

	// Now is the clock that remaining lifetimes are counted from; time.Now unless a test moves it.
	Now func() time.Time
}

var _ Checker = (*Store)(nil)

// New returns a store on clients that are already configured: check for questions on the request path, write for
// everything else. They may be the same. The store closes them when it is closed.
func New(check, write redis.UniversalClient) *Store {
	s := newStore()
	s.check, s.write = check, write
	return s
}

func newStore() *Store {
	s := &Store{instances: &instances{}, timeout: DefaultTimeout, Now: time.Now}
	s.checks = newBatcher(s.read)
	s.uses.start(s.noteAll)
	return s
}

// Check implements Checker. Checks that run at the same time share a round trip; one that is alone does not wait.
func (s *Store) Check(ctx context.Context, q Query) error { return s.checks.check(ctx, q) }

// read asks for several keys in one MGET, and returns the instance that answered. It has a deadline of its own, because
// those who share it have different ones.
func (s *Store) read(names []string) ([]any, *instance, error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	node, err := s.node(ctx, s.check)
	if err != nil {
		return nil, nil, err
	}
	values, err := node.MGet(ctx, names...).Result()
	if err != nil {
		node.failed(ctx)
	}
	return values, node.instance, err
}

// deny keeps the longer of two lifetimes, and tells the feed in the same step as the key. It returns the line, and how many
// gateways follow the feed.
var deny = redis.NewScript(`
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[1])
end
local line = redis.call('XADD', KEYS[2], 'MAXLEN', '~', '` + feedLength + `', '*', 'kind', ARGV[2], 'id', ARGV[3], 'exp', ARGV[4])
return {line, redis.call('SCARD', KEYS[3])}`)

// Deny writes entries, each in one atomic step with its line in the feed. When it returns nil every Check of a Store that
// begins later sees them; Await tells when mirrors do. On error some of them may have been written; writing them again does
// no harm. Entries whose tokens have all expired are skipped.
func (s *Store) Deny(ctx context.Context, entries ...Entry) error {
	_, err := s.Publish(ctx, entries...)
	return err
}

// Publish does what Deny does, and returns where the entries are in the feed, for Await.
func (s *Store) Publish(ctx context.Context, entries ...Entry) (Position, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()

	now := s.Now()
	pipe := s.write.Pipeline()
	var last *redis.Cmd
	for _, e := range entries {
		lifetime := e.ExpiresAt.Add(ClockMargin).Sub(now)
		if lifetime < time.Millisecond { // Redis would keep an entry without a lifetime for ever
			continue
		}
		last = deny.Eval(ctx, pipe, []string{entryKey(e.Kind, e.ID), feedKey, gatewaysKey},
			lifetime.Milliseconds(), string(e.Kind), e.ID, e.ExpiresAt.UnixMilli())
	}
	if last == nil {
		return Position{}, nil
	}
	_, err := pipe.Exec(ctx)
	s.health.wrote(err)
	if err != nil {
		return Position{}, fmt.Errorf("write denylist: %w", err)
	}
	return positionOf(last)
}

// positionOf reads the answer of deny. Entries of one call are in the feed in their order.
func positionOf(written *redis.Cmd) (Position, error) {
	answer, err := written.Slice()
	if err != nil {
		return Position{}, fmt.Errorf("write denylist: %w", err)
	}
	if len(answer) != 2 {
		return Position{}, fmt.Errorf("write denylist: %d answers", len(answer))
	}
	line, _ := answer[0].(string)
	gateways, _ := answer[1].(int64)
	at, err := parseLineID(line)
	return Position{line: at, followed: gateways > 0}, err
}

// complete declares a reload complete, unless Redis has lost the mark that the reload began with: then it may have lost
// entries of the reload, too. It leaves a mark in the feed, so that whoever loads from now on has a place to follow it from.
var complete = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[1])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', '` + feedLength + `', '*', 'kind', ARGV[2], 'id', ARGV[1], 'exp', '0')
return 1`)

// Reload writes every live entry, page by page, and then a new epoch: from that moment on Check answers from Redis. It
// is safe to run in several processes at once, and while others call Deny. An error of pages is returned as it is;
// ErrReloadLost means that it has to be run again.
func (s *Store) Reload(ctx context.Context, pages iter.Seq2[[]Entry, error]) error {
	mark, err := s.beginReload(ctx)
	if err != nil {
		return fmt.Errorf("begin reload of denylist: %w", err)
	}
	for page, err := range pages {
		if err != nil {
			return err
		}
		if err := s.Deny(ctx, page...); err != nil {
			return err
		}
	}
	done, err := s.completeReload(ctx, mark)
	if err != nil {
		return fmt.Errorf("complete reload of denylist: %w", err)
	}
	if !done {
		return ErrReloadLost
	}
	return nil
}

func (s *Store) beginReload(ctx context.Context) (mark string, err error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	node, err := s.node(ctx, s.write)
	if err != nil {
		return "", err
	}
	if _, err := node.identify(ctx); err != nil {
		return "", err
	}
	mark = node.instance.newEpoch()
	return mark, node.Set(ctx, loadingKey, mark, 0).Err()
}

func (s *Store) completeReload(ctx context.Context, mark string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	done, err := complete.Run(ctx, s.write, []string{loadingKey, epochKey, feedKey}, mark, markKind).Int()
	return done == 1, err
}

// Loaded reports whether Redis holds everything, that is, whether Check can answer from it. It asks Redis who it is, because
// its data can be replaced without a new connection. An epoch that then does not count is removed, so that nobody goes by it
// who has not noticed yet.
func (s *Store) Loaded(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	node, err := s.node(ctx, s.write)
	if err != nil {
		return false, fmt.Errorf("find denylist: %w", err)
	}
	pipe := node.Pipeline() // over one connection: it is one Redis that answers all of it
	asked, answer := askIdentity(ctx, pipe), pipe.Get(ctx, epochKey)
	_, _ = pipe.Exec(ctx) // each answer has its error
	if _, err := node.instance.take(asked); err != nil {
		node.failed(ctx)
		return false, fmt.Errorf("ask who Redis is: %w", err)
	}
	epoch, err := answer.Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		node.failed(ctx)
		return false, fmt.Errorf("read epoch of denylist: %w", err)
	}
	if node.instance.check(epoch) == nil {
		return true, nil
	}
	if epoch != "" {
		if err := forget.Run(ctx, node, []string{epochKey}, epoch).Err(); err != nil {
			return false, fmt.Errorf("remove epoch of denylist: %w", err)
		}
	}
	return false, nil
}

// forget removes an epoch, unless there is another by now.
var forget = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0`)

func entryKey(kind Kind, id string) string {
	return keyPrefix + string(kind) + ":" + id
}
