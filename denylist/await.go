package denylist

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Position is a place in the feed. The zero value is its end, wherever that is when Await is called.
type Position struct {
	line lineID
	// followed is false when no gateway answered from memory when the line was written. One that does so since then has read
	// the line: it asks for its place in the feed to be known first, and reads to the end after that.
	followed bool
	// known is the name of the gateway in this process, which knows the entries since before they were written.
	known string
}

const (
	// leastHearPause and mostHearPause are between two questions for the positions of gateways. The longer one waits, the less
	// often it asks.
	leastHearPause = time.Millisecond
	mostHearPause  = 16 * time.Millisecond
)

// Await waits until every gateway that answers from memory and is alive has read the feed up to a position, or until ctx
// ends. It returns the names of those that it could not hear from by then. With an error nothing is known. A gateway counts as
// alive until a few seconds after its last report. One in strict mode reports nothing, because it asks Redis each time. Any
// number of calls at once cost as much as one.
func (s *Store) Await(ctx context.Context, at Position) (unconfirmed []string, err error) {
	if at.line != (lineID{}) && !at.followed {
		return nil, nil
	}
	read, end, err := s.hearFirst(ctx)
	if err != nil {
		return nil, err
	}
	if at.line == (lineID{}) {
		at.line = end
	}
	w := &waiter{line: at.line, since: time.Now(), missing: make(map[string]struct{}), done: make(chan struct{})}
	for name := range read {
		if name != at.known {
			w.missing[name] = struct{}{}
		}
	}
	if w.hear(read) {
		return nil, nil
	}
	s.waiting.enter(w, s.hear)
	select {
	case <-w.done:
		return nil, nil
	case <-ctx.Done():
		unconfirmed = s.waiting.leave(w)
		s.unconfirmed.Add(int64(len(unconfirmed)))
		return unconfirmed, nil
	}
}

// hearFirst is asked even when there is no time to wait: who has not confirmed is to be said in any case.
func (s *Store) hearFirst(ctx context.Context) (map[string]lineID, lineID, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return s.hear(ctx)
}

// Unconfirmed counts the gateways that Await could not hear from, once for each call.
func (s *Store) Unconfirmed() int64 { return s.unconfirmed.Load() }

// waiter is one Await.
type waiter struct {
	line    lineID
	since   time.Time
	missing map[string]struct{} // gateways that have not read the line yet
	done    chan struct{}       // closed when none is missing
}

// hear takes note of how far gateways have read. It reports whether none is missing any more. One that has gone is not
// missed, and one that is new knows the line.
func (w *waiter) hear(read map[string]lineID) bool {
	for name := range w.missing {
		if at, alive := read[name]; !alive || !at.isBefore(w.line) {
			delete(w.missing, name)
		}
	}
	return len(w.missing) == 0
}

// waiting are those who wait for gateways. One goroutine asks for all of them, as long as there are any. It is safe for
// concurrent use.
type waiting struct {
	mu     sync.Mutex
	all    map[*waiter]struct{}
	asking bool
}

func (w *waiting) enter(one *waiter, hear func(context.Context) (map[string]lineID, lineID, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[*waiter]struct{})
	}
	w.all[one] = struct{}{}
	if !w.asking {
		w.asking = true
		go w.ask(hear)
	}
}

// leave returns which gateways are still missing.
func (w *waiting) leave(one *waiter) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, one)
	return slices.Sorted(maps.Keys(one.missing))
}

// ask asks until nobody waits. Only those are told of an answer who waited before the question: a gateway that is not in it
// has gone since.
func (w *waiting) ask(hear func(context.Context) (map[string]lineID, lineID, error)) {
	for {
		asking, pause := w.now()
		if asking == nil {
			return
		}
		time.Sleep(pause)
		ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
		read, _, err := hear(ctx)
		cancel()
		if err == nil {
			w.told(asking, read)
		}
	}
}

// now is who waits, and how long to wait with the next question; nil and the end of ask when nobody does.
func (w *waiting) now() (asking []*waiter, pause time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pause = mostHearPause
	for one := range w.all {
		asking = append(asking, one)
		pause = min(pause, time.Since(one.since)/4)
	}
	w.asking = asking != nil
	return asking, max(pause, leastHearPause)
}

func (w *waiting) told(asking []*waiter, read map[string]lineID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range asking {
		if _, waits := w.all[one]; waits && one.hear(read) {
			delete(w.all, one)
			close(one.done)
		}
	}
}
