package denylist

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// errLostFeed is wrapped by what readFeed returns when there may be entries that the reader has not seen and will not
// see: everything has to be loaded again.
var errLostFeed = errors.New("the feed cannot be followed from here")

// scanPage is how many keys are asked for in one step while everything is loaded.
const scanPage = 1000

// markKind is the kind of a line that is no entry, but a place to follow the feed from.
const markKind = "mark"

// position is a place in the feed, valid as long as the epoch stays what it is. There is always a line at it: when that is
// gone, others after it may be gone as well.
type position struct {
	epoch string
	line  lineID
}

// lineID is the id of a line of the feed: milliseconds and a number within them.
type lineID struct{ ms, seq uint64 }

func parseLineID(text string) (lineID, error) {
	left, right, ok := strings.Cut(text, "-")
	ms, err1 := strconv.ParseUint(left, 10, 64)
	seq, err2 := strconv.ParseUint(right, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return lineID{}, fmt.Errorf("feed of denylist has a line %q", text)
	}
	return lineID{ms, seq}, nil
}

func (id lineID) String() string {
	return strconv.FormatUint(id.ms, 10) + "-" + strconv.FormatUint(id.seq, 10)
}

func (id lineID) isBefore(other lineID) bool {
	return id.ms < other.ms || id.ms == other.ms && id.seq < other.seq
}

// time is when Redis wrote the line, by its clock.
func (id lineID) time() time.Time { return time.UnixMilli(int64(id.ms)) }

// endOfFeed returns the id of the last line of the feed, and leaves a mark in a feed that has none: one that was emptied, or that
// an older version filled.
var endOfFeed = redis.NewScript(`
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
if last[1] then
  return {redis.call('GET', KEYS[1]) or '', last[1][1]}
end
local epoch = redis.call('GET', KEYS[1])
if not epoch then
  return {'', ''}
end
return {epoch, redis.call('XADD', KEYS[2], '*', 'kind', ARGV[1], 'id', epoch, 'exp', '0')}`)

// feedPosition is the end of the feed. ErrUnknown when there is no epoch.
func (s *Store) feedPosition(ctx context.Context) (position, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	node, err := s.node(ctx, s.write)
	if err != nil {
		return position{}, fmt.Errorf("find denylist: %w", err)
	}
	answer, err := endOfFeed.Run(ctx, node, []string{epochKey, feedKey}, markKind).StringSlice()
	if err != nil {
		node.failed(ctx)
		return position{}, fmt.Errorf("read end of feed: %w", err)
	}
	if len(answer) != 2 {
		return position{}, fmt.Errorf("read end of feed: %d answers", len(answer))
	}
	epoch, last := answer[0], answer[1]
	if err := node.instance.check(epoch); err != nil {
		return position{}, err
	}
	line, err := parseLineID(last)
	return position{epoch, line}, err
}

type news struct {
	entries  []Entry
	position position
	more     bool // lines are left to read
}

// readFeed returns what was written after a position, without waiting. It is errLostFeed when Redis lost its contents,
// went back in time, or has trimmed lines that were not read yet.
func (s *Store) readFeed(ctx context.Context, from position) (news, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	node, err := s.node(ctx, s.write)
	if err != nil {
		return news{}, fmt.Errorf("find denylist: %w", err)
	}
	pipe := node.TxPipeline()
	epoch := pipe.Get(ctx, epochKey)
	lines := pipe.XRangeN(ctx, feedKey, from.line.String(), "+", scanPage)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		node.failed(ctx)
		return news{}, fmt.Errorf("read feed: %w", err)
	}
	if epoch.Val() != from.epoch || node.instance.check(epoch.Val()) != nil {
		return news{}, fmt.Errorf("%w: the epoch has changed", errLostFeed)
	}
	// The line that was read last is still there, unless it was trimmed and perhaps others with it, or Redis has gone
	// back to a state without it.
	read := lines.Val()
	if len(read) == 0 || read[0].ID != from.line.String() {
		return news{}, fmt.Errorf("%w: the last line read is gone", errLostFeed)
	}
	out := news{position: from, more: len(read) == scanPage}
	for _, line := range read[1:] {
		id, err := parseLineID(line.ID)
		if err != nil {
			return news{}, err
		}
		e, err := parseLine(line.Values)
		if err != nil {
			return news{}, err
		}
		if e.Kind != markKind {
			out.entries = append(out.entries, e)
		}
		out.position.line = id
	}
	return out, nil
}

func parseLine(values map[string]any) (Entry, error) {
	kind, _ := values["kind"].(string)
	id, _ := values["id"].(string)
	exp, _ := values["exp"].(string)
	ms, err := strconv.ParseInt(exp, 10, 64)
	if err != nil || kind == "" {
		return Entry{}, fmt.Errorf("feed of denylist has a line that is no entry")
	}
	return Entry{Kind: Kind(kind), ID: id, ExpiresAt: time.UnixMilli(ms)}, nil
}

// awaitFeed waits until there is something after a position, or as long as patience.
func (s *Store) awaitFeed(ctx context.Context, from position, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience+writeTimeout)
	defer cancel()
	err := s.write.XRead(ctx, &redis.XReadArgs{
		Streams: []string{feedKey, from.line.String()}, Count: 1, Block: max(patience, time.Millisecond),
	}).Err()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("wait for feed: %w", err)
	}
	return nil
}

// all yields every entry. One that is written while it runs may or may not be among them.
func (s *Store) all(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		node, err := s.node(ctx, s.write)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		var cursor uint64
		for {
			entries, next, err := page(ctx, node, cursor)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if cursor = next; cursor == 0 {
				return
			}
		}
	}
}

func page(ctx context.Context, node redis.UniversalClient, cursor uint64) (entries []Entry, next uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	names, next, err := node.Scan(ctx, cursor, keyPattern, scanPage).Result()
	if err != nil || len(names) == 0 {
		return nil, next, err
	}
	values, err := node.MGet(ctx, names...).Result()
	if err != nil {
		return nil, 0, err
	}
	for i, value := range values {
		kind, id, isEntry := strings.Cut(strings.TrimPrefix(names[i], keyPrefix), ":")
		text, isText := value.(string)
		if !isEntry || !isText { // the epoch, or an entry that has just ended
			continue
		}
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, 0, fmt.Errorf("entry %s of denylist has no expiry", names[i])
		}
		entries = append(entries, Entry{Kind: Kind(kind), ID: id, ExpiresAt: time.UnixMilli(ms)})
	}
	return entries, next, nil
}
