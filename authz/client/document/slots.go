package document

import (
	"net/netip"
	"sync"
)

// How many fetches there are at a time: in all, for one caller, and from one host, so that neither one caller nor one host that
// answers slowly keeps others from theirs.
const (
	maxFetches  = 64
	maxOfCaller = 4
	maxOfHost   = 4
)

// slots count what is under way. The zero value is ready; it is safe for concurrent use and never blocks.
type slots[K comparable] struct {
	mu    sync.Mutex
	taken map[K]int
	all   int
}

// take reports whether there is a slot for key, of which it has at most each. Who got it gives it back.
func (s *slots[K]) take(key K, each, all int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[key] >= each || s.all >= all {
		return false
	}
	if s.taken == nil {
		s.taken = make(map[K]int)
	}
	s.taken[key]++
	s.all++
	return true
}

func (s *slots[K]) giveBack(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.taken[key]--; s.taken[key] == 0 {
		delete(s.taken, key)
	}
}

// network is what a caller's address counts as: one host has a whole /64 of IPv6.
func network(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if !address.Is6() {
		return address
	}
	prefix, err := address.Prefix(64)
	if err != nil { // of 64 bits every IPv6 address has a prefix
		return address
	}
	return prefix.Addr()
}
