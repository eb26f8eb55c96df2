// Package lastused notes which grants a gateway let pass, and on which day, and reports them in batches. It owns how many
// wait to be reported and what becomes of the others; where they are reported to, and what is recorded, it leaves to others.
package lastused

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/denylist"
	"gatehouse/gateway/internal/occasional"
	"gatehouse/keys"
)

const (
	// maxWaiting is how many grants wait to be reported at most, some 100 bytes for each. While there are as many, a use of
	// another is dropped; its next request tries again.
	maxWaiting = 50_000
	// reportEvery is how long they wait, unless many come at once.
	reportEvery = 10 * time.Second
	// reportBatch is how many are reported in one step.
	reportBatch = 500
	// warnEvery is how often the log says that nothing can be reported.
	warnEvery = 10 * time.Minute
	// lastReport bounds what the report of a gateway that stops may cost.
	lastReport = 500 * time.Millisecond
)

// Reporter is where uses are reported to. Implementations are safe for concurrent use and bound how long a call blocks.
type Reporter interface {
	// ReportUses takes note of all of the uses, or fails. Repeating it does no harm.
	ReportUses(ctx context.Context, uses ...denylist.Use) error
}

var (
	_ Reporter = (*denylist.Store)(nil)
	_ Reporter = (*denylist.Mirror)(nil)
)

// Notes are the uses that wait to be reported. They are in memory alone: what waits is lost with the process. They are safe
// for concurrent use and have to be Run.
type Notes struct {
	to  Reporter
	now func() time.Time
	log *slog.Logger

	mu      sync.Mutex
	waiting map[string]denylist.Day
	full    atomic.Bool
	many    chan struct{} // has one when half of the room is taken
	dropped atomic.Int64
	failing occasional.Warning
}

// New returns notes that nothing was written to.
func New(to Reporter, now func() time.Time, log *slog.Logger) *Notes {
	return &Notes{
		to: to, now: now, log: log,
		waiting: make(map[string]denylist.Day), many: make(chan struct{}, 1), failing: occasional.Warning{Every: warnEvery},
	}
}

// Use notes that a request with this token passes. It takes a lock for the first request of a day alone, as long as the
// token is remembered, and blocks for nothing else.
func (n *Notes) Use(token *keys.Claims) {
	today := denylist.DayOf(n.now())
	if token.NotedUse() == int32(today) || token.GrantID == "" {
		return
	}
	if n.full.Load() || !n.add(token.GrantID, today) {
		n.dropped.Add(1)
		return
	}
	token.NoteUse(int32(today))
}

// add reports whether there was room.
func (n *Notes) add(grantID string, today denylist.Day) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	day, known := n.waiting[grantID]
	switch {
	case known && day >= today:
		return true
	case !known && len(n.waiting) >= maxWaiting:
		n.full.Store(true)
		return false
	case !known:
		grantID = strings.Clone(grantID) // which holds the whole token
	}
	n.waiting[grantID] = today
	if len(n.waiting) == maxWaiting/2 {
		select {
		case n.many <- struct{}{}:
		default:
		}
	}
	return true
}

// Dropped is how many requests have passed whose use could not be noted.
func (n *Notes) Dropped() int64 { return n.dropped.Load() }

// Run reports what was noted until ctx ends, and then once more.
func (n *Notes) Run(ctx context.Context) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastReport)
			defer cancel()
			n.report(last)
			return
		case <-n.many:
		case <-ticker.C:
		}
		n.report(ctx)
	}
}

// report reports all that waits. What cannot be reported goes on waiting.
func (n *Notes) report(ctx context.Context) {
	all := n.snapshot()
	for len(all) > 0 {
		batch := all[:min(len(all), reportBatch)]
		if err := n.to.ReportUses(ctx, batch...); err != nil {
			if times, due := n.failing.Due(); due && ctx.Err() == nil {
				n.log.Warn("when grants were used last cannot be reported; it waits here, up to a bound",
					"waiting", len(all), "error", err, "times", times)
			}
			return
		}
		n.forget(batch)
		all = all[len(batch):]
	}
}

func (n *Notes) snapshot() []denylist.Use {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]denylist.Use, 0, len(n.waiting))
	for id, day := range n.waiting {
		all = append(all, denylist.Use{GrantID: id, On: day})
	}
	return all
}

// forget makes room. A grant that was used on a later day meanwhile stays.
func (n *Notes) forget(reported []denylist.Use) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, use := range reported {
		if n.waiting[use.GrantID] == use.On {
			delete(n.waiting, use.GrantID)
		}
	}
	if len(n.waiting) == 0 {
		n.waiting = make(map[string]denylist.Day) // a map keeps the room that it once had
	}
	n.full.Store(false)
}
