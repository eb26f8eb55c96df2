package occasional

import (
	"cmp"
	"sync/atomic"
	"time"
)

const interval = 10 * time.Second

// Warning is one kind of warning. The zero value is ready; it is safe for concurrent use and takes no lock.
type Warning struct {
	// Every is the least time between two warnings; 0 is 10 seconds. It is set before the first occasion.
	Every time.Duration

	next  atomic.Int64
	times atomic.Int64
}

// Due counts an occasion and reports whether to warn of it: of the first one, and then once in Every. times is how
// many occasions there were since the last warning, this one included.
func (w *Warning) Due() (times int64, due bool) {
	w.times.Add(1)
	now := time.Now()
	next := w.next.Load()
	if now.UnixNano() < next || !w.next.CompareAndSwap(next, now.Add(cmp.Or(w.Every, interval)).UnixNano()) {
		return 0, false
	}
	return w.times.Swap(0), true
}
