package denylist

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// usesKey is a sorted set of the grants that were used, each with its day, until they are recorded elsewhere. It is not
	// below keyPrefix: it revokes nothing.
	usesKey = "{gh}:uses"
	// usesTurnKey is there as long as somebody's turn to record them lasts.
	usesTurnKey = "{gh}:uses:turn"

	// maxUses is how many grants wait to be recorded at most, some 20 MB of Redis, which revocations need more.
	maxUses = 200_000
	// usesLife is how long they wait for somebody who records them.
	usesLife = 7 * 24 * time.Hour
)

// Day is a day in UTC, counted from 1 January 1970.
type Day int32

// DayOf is the day that t belongs to.
func DayOf(t time.Time) Day { return Day(t.Unix() / int64(24*time.Hour/time.Second)) }

// Time is the beginning of the day.
func (d Day) Time() time.Time { return time.Unix(int64(d)*int64(24*time.Hour/time.Second), 0).UTC() }

// Use says that a grant was used on a day.
type Use struct {
	GrantID string
	On      Day
}

// ErrTooManyUses is returned by ReportUses while Redis holds so many uses that were not recorded that it takes no more.
var ErrTooManyUses = errors.New("too many uses of grants wait to be recorded")

// reportUses notes the latest day of each grant: all of them or, where there are too many already, none.
var reportUses = redis.NewScript(`
if redis.call('ZCARD', KEYS[1]) + (#ARGV - 1) / 2 > ` + strconv.Itoa(maxUses) + ` then
  return 0
end
for i = 2, #ARGV, 2 do
  local day = redis.call('ZSCORE', KEYS[1], ARGV[i + 1])
  if not day or tonumber(day) < tonumber(ARGV[i]) then
    redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`)

// ReportUses tells those who record it that grants were used. Repeating it does no harm, and the later of two days counts.
// It blocks for a bounded time. Nothing was noted when it fails, with ErrTooManyUses or for lack of Redis.
func (s *Store) ReportUses(ctx context.Context, uses ...Use) error {
	if len(uses) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	args := make([]any, 1, 1+2*len(uses))
	args[0] = usesLife.Milliseconds()
	for _, use := range uses {
		args = append(args, int32(use.On), use.GrantID)
	}
	switch noted, err := reportUses.Run(ctx, s.write, []string{usesKey}, args...).Int(); {
	case err != nil:
		return fmt.Errorf("report uses of grants: %w", err)
	case noted == 0:
		return ErrTooManyUses
	}
	return nil
}

// TakeUsesTurn reports whether it is the caller's turn to record what was used. For as long as the turn lasts it is nobody
// else's, unless Redis loses its data: then two record the same, which does no harm.
func (s *Store) TakeUsesTurn(ctx context.Context, lasts time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err := s.write.SetArgs(ctx, usesTurnKey, "", redis.SetArgs{Mode: "NX", TTL: lasts}).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("take the turn to record uses of grants: %w", err)
	}
	return true, nil
}

// Uses returns up to limit uses that were reported, the earliest days first, after skipping some.
func (s *Store) Uses(ctx context.Context, skip, limit int) ([]Use, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	found, err := s.write.ZRangeWithScores(ctx, usesKey, int64(skip), int64(skip+limit-1)).Result()
	if err != nil {
		return nil, fmt.Errorf("read uses of grants: %w", err)
	}
	uses := make([]Use, len(found))
	for i, one := range found {
		id, _ := one.Member.(string)
		uses[i] = Use{GrantID: id, On: Day(one.Score)}
	}
	return uses, nil
}

// forgetUses leaves a grant that was used on a later day meanwhile.
var forgetUses = redis.NewScript(`
for i = 1, #ARGV, 2 do
  local day = redis.call('ZSCORE', KEYS[1], ARGV[i + 1])
  if day and tonumber(day) <= tonumber(ARGV[i]) then
    redis.call('ZREM', KEYS[1], ARGV[i + 1])
  end
end
return 1`)

// ForgetUses removes uses that were recorded.
func (s *Store) ForgetUses(ctx context.Context, uses ...Use) error {
	if len(uses) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	args := make([]any, 0, 2*len(uses))
	for _, use := range uses {
		args = append(args, int32(use.On), use.GrantID)
	}
	if err := forgetUses.Run(ctx, s.write, []string{usesKey}, args...).Err(); err != nil {
		return fmt.Errorf("forget uses of grants: %w", err)
	}
	return nil
}
