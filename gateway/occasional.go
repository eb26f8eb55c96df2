package gateway

import (
	"sync/atomic"
	"time"
)

const warningInterval = 10 * time.Second

// occasional keeps a warning that every request has cause for from being written for every request. The zero value is
// ready; it is safe for concurrent use.
type occasional struct {
	next  atomic.Int64
	times atomic.Int64
}

// due counts an occasion and reports whether to warn of it: of the first one, and then once per interval. times is how
// many there were since the warning before, this one included.
func (o *occasional) due() (times int64, due bool) {
	o.times.Add(1)
	now := time.Now()
	next := o.next.Load()
	if now.UnixNano() < next || !o.next.CompareAndSwap(next, now.Add(warningInterval).UnixNano()) {
		return 0, false
	}
	return o.times.Swap(0), true
}
