package denylist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"
)

const (
	// retryPause is how long a mirror waits after a failure before it tries again.
	retryPause = 200 * time.Millisecond
	// maxFeedWait is how long a mirror waits for news at a time. It cannot be interrupted, so Run may take as long to end.
	maxFeedWait = time.Second
	// startPatience is how long a mirror that never knew anything waits for a Redis that is being filled before it warns.
	startPatience = 10 * time.Second
	// expireEvery is how often entries that no token needs any more are forgotten.
	expireEvery = time.Minute
)

// Mirror is a Store that answers Check from memory. It loads everything once and then follows the feed; it knows
// how old its knowledge is, and asks Redis as Store does when that is more than the allowed staleness. What it knows to
// be revoked it refuses in any case. It is safe for concurrent use.
type Mirror struct {
	*Store
	maxStaleness time.Duration
	log          *slog.Logger

	known   *table
	reports *reports
	fresh   atomic.Pointer[time.Time] // when everything in Redis was known; nil before the first load
	loads   atomic.Int64
	lag     atomic.Int64 // of the entry that was read last, in nanoseconds
}

var _ Checker = (*Mirror)(nil)

// NewMirror returns a mirror of store that knows nothing yet. It has to be Run.
func NewMirror(store *Store, maxStaleness time.Duration, log *slog.Logger) *Mirror {
	return &Mirror{Store: store, maxStaleness: maxStaleness, log: log, known: newTable(), reports: newReports(store, maxStaleness)}
}

// Check implements Checker. It blocks only when the mirror is too old, and then as Store.Check does.
func (m *Mirror) Check(ctx context.Context, q Query) error {
	if m.known.denies(q) {
		return ErrRevoked
	}
	if m.Staleness() <= m.maxStaleness {
		return nil
	}
	return m.Store.Check(ctx, q)
}

// Staleness is the age of what the mirror knows: whatever was revoked earlier is refused. Before the first load it is very
// long. It is the longer of what two clocks say: the time of day may have been set back, and the monotonic clock stands
// still while the machine sleeps.
func (m *Mirror) Staleness() time.Duration {
	fresh := m.fresh.Load()
	if fresh == nil {
		return math.MaxInt64
	}
	now := m.Now()
	return max(now.Sub(*fresh), now.Round(0).Sub(*fresh).Abs())
}

// Ready reports whether the mirror has ever known everything. A gateway is not ready before that.
func (m *Mirror) Ready() bool { return m.fresh.Load() != nil }

// Size is the number of entries that the mirror holds.
func (m *Mirror) Size() int { return m.known.size() }

// Loads is how often the mirror has loaded everything; more than once means that it lost the feed.
func (m *Mirror) Loads() int64 { return m.loads.Load() }

// Lag is how long the newest entry had been in the feed when the mirror read it, by the clocks of Redis and of this machine.
// It is 0 before there was one.
func (m *Mirror) Lag() time.Duration { return time.Duration(m.lag.Load()) }

// Deny writes entries as Store.Deny does. This mirror refuses them from the first moment, and also when it returns an error;
// others when they read the feed.
func (m *Mirror) Deny(ctx context.Context, entries ...Entry) error {
	_, err := m.Publish(ctx, entries...)
	return err
}

// Publish does what Deny does, and returns where the entries are in the feed, for Await.
func (m *Mirror) Publish(ctx context.Context, entries ...Entry) (Position, error) {
	for _, e := range entries {
		m.known.add(e)
	}
	at, err := m.Store.Publish(ctx, entries...)
	at.known = m.reports.name
	return at, err
}

// Run keeps the mirror up to date until ctx ends, and reports how far it has read, for those who wait until every gateway
// knows (Await). It is run once.
func (m *Mirror) Run(ctx context.Context) {
	defer m.reports.withdraw(ctx)
	began := m.Now()
	nextExpiry := began.Add(expireEvery)
	for warned := false; ctx.Err() == nil; {
		err := m.loadAndFollow(ctx, func() {
			if warned {
				m.log.Info("denylist mirror is up to date again")
			}
			warned = false
			if now := m.Now(); now.After(nextExpiry) {
				m.known.expire(now)
				nextExpiry = now.Add(expireEvery)
			}
		})
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errLostFeed):
			m.log.Info("denylist mirror loads everything again", "reason", err)
			continue
		case !warned && (m.Ready() || m.Now().Sub(began) > startPatience):
			m.log.Warn("denylist mirror cannot be kept up to date; Redis is asked instead", "error", err)
			warned = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

// loadAndFollow loads everything and follows the feed until that fails. It calls upToDate each time it has read the feed to
// its end.
func (m *Mirror) loadAndFollow(ctx context.Context, upToDate func()) error {
	began := m.Now()
	at, err := m.load(ctx)
	if err != nil {
		return err
	}
	m.loads.Add(1)
	// Before it reads to the end, and answers from memory: whoever writes from now on finds it among those to wait for.
	if err := m.reports.tell(ctx, at, m.Now()); err != nil {
		return err
	}
	for {
		// A load alone makes nothing fresh: Redis may have lost everything in the middle of it, and only the feed tells.
		if at, err = m.catchUp(ctx, at); err != nil {
			return err
		}
		fresh := began
		m.fresh.Store(&fresh)
		upToDate()
		patience := min(m.maxStaleness/4, maxFeedWait)
		now := m.Now()
		if due := m.reports.due(at, now); due > 0 {
			patience = min(patience, due)
		} else if err := m.reports.tell(ctx, at, now); err != nil {
			return err
		}
		if err := m.awaitFeed(ctx, at, patience); err != nil {
			return err
		}
		began = m.Now()
	}
}

// catchUp reads the feed to its end.
func (m *Mirror) catchUp(ctx context.Context, at position) (position, error) {
	for {
		news, err := m.readFeed(ctx, at)
		if err != nil {
			return at, err
		}
		for _, e := range news.entries {
			m.known.add(e)
		}
		if len(news.entries) > 0 {
			m.lag.Store(int64(max(0, m.Now().Sub(news.position.line.time()))))
		}
		if at = news.position; !news.more {
			return at, nil
		}
	}
}

// load reads every entry there is, and the position in the feed from which to go on. Entries that are written meanwhile
// are in the feed after it.
func (m *Mirror) load(ctx context.Context) (position, error) {
	at, err := m.feedPosition(ctx)
	if err != nil {
		return at, err
	}
	for e, err := range m.all(ctx) {
		if err != nil {
			return at, fmt.Errorf("load denylist: %w", err)
		}
		m.known.add(e)
	}
	return at, nil
}
