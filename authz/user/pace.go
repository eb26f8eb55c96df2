package user

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Pace bounds how often an address may do something that costs us: Burst times at once, and once more in each Every. An IPv6
// address counts as its /64. What is remembered is this process's alone, and bounded. It is safe for concurrent use and never
// blocks.
type Pace struct {
	Burst int
	Every time.Duration
	// Now is time.Now when nil.
	Now func() time.Time

	once  sync.Once
	seed  maphash.Seed
	mu    sync.Mutex
	taken buckets
}

// Take counts once for the address. A *BrakedError says that it was too often, and does not count.
func (p *Pace) Take(from netip.Addr) error {
	p.once.Do(func() { p.seed, p.taken = maphash.MakeSeed(), buckets{size: float64(p.Burst), every: p.Every} })
	key := maphash.Bytes(p.seed, Network(from).AsSlice())
	p.mu.Lock()
	defer p.mu.Unlock()
	now := timeFrom(p.Now)
	if wait := p.taken.wait(key, now); wait > 0 {
		return &BrakedError{RetryAfter: wait}
	}
	p.taken.take(key, now)
	return nil
}
