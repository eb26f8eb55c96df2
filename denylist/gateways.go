package denylist

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// gatewaysKey is the set of the names of all gateways that answer from memory. How far each has read the feed is at
	// gatewayPrefix and its name, for as long as the gateway lives and a few seconds more.
	gatewaysKey   = "{gh}:gateways"
	gatewayPrefix = "{gh}:gateway:"

	// reportPause is the least time between two reports of a gateway, however much passes through the feed.
	reportPause = 5 * time.Millisecond
	// reportEvery is the most, while nothing passes.
	reportEvery = time.Second
	// maxReportLife is how long a gateway that died is waited for at most.
	maxReportLife = 10 * time.Second
	// withdrawTimeout bounds what taking back the report may cost a gateway that stops.
	withdrawTimeout = 500 * time.Millisecond
)

// reports are how a mirror tells those who revoke how far it has read the feed. It belongs to one goroutine.
type reports struct {
	store *Store
	name  string
	// life is how long a report counts. As long as it does not exceed maxReportLife, a gateway is waited for as long as it
	// can answer from memory.
	life time.Duration

	last lineID
	at   time.Time // of the last report; zero before the first
}

func newReports(store *Store, maxStaleness time.Duration) *reports {
	host, err := os.Hostname()
	if err != nil {
		host = "gateway"
	}
	return &reports{
		store: store,
		name:  host + "-" + rand.Text()[:8],
		life:  min(maxStaleness+2*reportEvery, maxReportLife),
	}
}

// report writes how far a gateway has read, unless Redis has lost or replaced its data: then the gateway does not know yet
// what was read. The first report of a gateway removes the names of those that are gone.
var report = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[5])
if redis.call('SADD', KEYS[2], ARGV[3]) == 1 then
  for _, name in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    if redis.call('EXISTS', ARGV[2] .. name) == 0 then
      redis.call('SREM', KEYS[2], name)
    end
  end
end
return 1`)

// tell reports a position now. An error is one of the connection: a Redis that refuses the report is followed all the same.
func (r *reports) tell(ctx context.Context, at position, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err := report.Run(ctx, r.store.write, []string{epochKey, gatewaysKey, gatewayPrefix + r.name},
		at.epoch, gatewayPrefix, r.name, at.line.String(), r.life.Milliseconds()).Err()
	if err != nil && !isRefusal(err) {
		return fmt.Errorf("report how far the feed was read: %w", err)
	}
	r.store.health.wrote(err)
	r.store.health.mute.Store(err != nil)
	r.last, r.at = at.line, now
	return nil
}

// due is how long the report of a position can wait; 0 or less: it is to be made now.
func (r *reports) due(at position, now time.Time) time.Duration {
	since := now.Sub(r.at)
	if since < 0 { // the clock was set back
		return 0
	}
	if at.line == r.last {
		return reportEvery - since
	}
	return reportPause - since
}

var withdraw = redis.NewScript(`
redis.call('DEL', KEYS[2])
return redis.call('SREM', KEYS[1], ARGV[1])`)

// withdraw takes back the report of a gateway that stops, so that nobody waits for it. If that fails, it expires.
func (r *reports) withdraw(ctx context.Context) {
	if r.at.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	_ = withdraw.Run(ctx, r.store.write, []string{gatewaysKey, gatewayPrefix + r.name}, r.name).Err()
}

// heard asks Redis how far each gateway has read, and where the feed ends. Names of gateways that are gone are removed.
var heard = redis.NewScript(`
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local answer = {last[1] and last[1][1] or ''}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local at = redis.call('GET', ARGV[1] .. name)
  if at then
    answer[#answer + 1] = name
    answer[#answer + 1] = at
  else
    redis.call('SREM', KEYS[1], name)
  end
end
return answer`)

// hear returns how far each gateway has read that is alive, and the last line of the feed, which is zero for an empty one.
func (s *Store) hear(ctx context.Context) (read map[string]lineID, end lineID, err error) {
	answer, err := heard.Run(ctx, s.write, []string{gatewaysKey, feedKey}, gatewayPrefix).StringSlice()
	if err != nil {
		return nil, lineID{}, fmt.Errorf("hear how far gateways have read: %w", err)
	}
	if len(answer)%2 == 0 {
		return nil, lineID{}, fmt.Errorf("hear how far gateways have read: %d answers", len(answer))
	}
	if answer[0] != "" {
		if end, err = parseLineID(answer[0]); err != nil {
			return nil, lineID{}, err
		}
	}
	read = make(map[string]lineID, len(answer)/2)
	for i := 1; i < len(answer); i += 2 {
		if read[answer[i]], err = parseLineID(answer[i+1]); err != nil {
			return nil, lineID{}, err
		}
	}
	return read, end, nil
}
