package denylist

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// usedOnce notes what may be used once, at whichever of the processes that share this Redis: how many a minute at most in all, and by
// one holder, so that revocations, and everybody else, have room.
type usedOnce struct {
	// prefix is not below keyPrefix: these keys revoke nothing.
	prefix string
	// count counts those of a minute, and with a hash of the holder behind it those of one.
	count              string
	most, mostOfHolder int
}

// useHash is how much of a hash tells what was used apart: with the prefix of proofs, a key that takes 32 bytes in Redis.
const useHash = 16

// noteUse notes what is not there yet.
var noteUse = redis.NewScript(`
if tonumber(redis.call('GET', KEYS[2]) or 0) >= tonumber(ARGV[2])
  or tonumber(redis.call('GET', KEYS[3]) or 0) >= tonumber(ARGV[3]) then
  return -1
end
if not redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[1]) then
  return 0
end
for i = 2, 3 do
  if redis.call('INCR', KEYS[i]) == 1 then
    redis.call('PEXPIRE', KEYS[i], 60000)
  end
end
return 1`)

// note reports whether id is used for the first time, and whether there is room for it. It is remembered until then, and for
// ClockMargin longer, because another process's clock may be behind.
func (u usedOnce) note(ctx context.Context, s *Store, holder, id string, until time.Time) (first, full bool, err error) {
	lifetime := until.Add(ClockMargin).Sub(s.Now())
	if lifetime < time.Millisecond { // it is not accepted anywhere, and Redis would keep it for ever
		return false, false, nil
	}
	one := &use{
		names:     []string{u.prefix + shortHash(id), u.count, u.count + ":" + shortHash(holder)},
		arguments: []any{lifetime.Milliseconds(), u.most, u.mostOfHolder},
		noted:     make(chan error, 1),
	}
	if err := s.uses.enter(one); err != nil {
		return false, false, err
	}
	select {
	case err := <-one.noted:
		return one.result == 1, one.result < 0, err
	case <-ctx.Done():
		return false, false, ctx.Err()
	}
}

// use is one call of noteUse. Whoever waits for it may give it up.
type use struct {
	names     []string
	arguments []any
	result    int
	noted     chan error
}

// noteAll notes all of a batch in one round trip, or two where Redis does not know the script.
func (s *Store) noteAll(batch []*use) {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	unknown := s.callAll(ctx, batch)
	if len(unknown) == 0 {
		return
	}
	if err := noteUse.Load(ctx, s.check).Err(); err != nil {
		for _, one := range unknown {
			one.noted <- err
		}
		return
	}
	for _, one := range s.callAll(ctx, unknown) {
		one.noted <- errNoScript
	}
}

var errNoScript = errors.New("the Redis does not keep scripts")

// callAll calls noteUse for each of a batch, tells those that wait what came of it, and returns those for which Redis has not run it,
// because it does not know it.
func (s *Store) callAll(ctx context.Context, batch []*use) (unknown []*use) {
	pipe := s.check.Pipeline()
	called := make([]*redis.Cmd, len(batch))
	for i, one := range batch {
		called[i] = noteUse.EvalSha(ctx, pipe, one.names, one.arguments...)
	}
	_, _ = pipe.Exec(ctx) // each call has its own error
	for i, one := range batch {
		result, err := called[i].Int()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			unknown = append(unknown, one)
			continue
		}
		one.result = result
		one.noted <- err
	}
	return unknown
}

func shortHash(of string) string {
	sum := sha256.Sum256([]byte(of))
	return string(sum[:useHash])
}
