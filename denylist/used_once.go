package denylist

import (
	"context"
	"crypto/sha256"
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
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	names := []string{u.prefix + shortHash(id), u.count, u.count + ":" + shortHash(holder)}
	noted, err := noteUse.Run(ctx, s.check, names, lifetime.Milliseconds(), u.most, u.mostOfHolder).Int()
	return noted == 1, noted < 0, err
}

func shortHash(of string) string {
	sum := sha256.Sum256([]byte(of))
	return string(sum[:useHash])
}
