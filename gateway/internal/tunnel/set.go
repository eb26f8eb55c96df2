package tunnel

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatehouse/gateway/internal/watch"
)

// Set is the open tunnels of a gateway. It is safe for concurrent use.
type Set struct {
	watch *watch.Watch

	mu       sync.Mutex
	open     map[*Tunnel]struct{}
	draining bool
	empty    chan struct{} // closed when draining and none is open
}

// New returns an empty set. Nothing in it ends by its token or by silence unless the watch runs.
func New(w *watch.Watch) *Set {
	return &Set{watch: w, open: make(map[*Tunnel]struct{}), empty: make(chan struct{})}
}

// Open adds a tunnel, for which Run is to be called soon. ok is false when the set was drained: the tunnel was not opened,
// and Release is not called. It does not block.
func (s *Set) Open(o Opening) (t *Tunnel, ok bool) {
	t = &Tunnel{set: s, opening: o, upstream: o.Upstream, opened: time.Now()}
	t.lastRead.Store(t.opened.UnixNano())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return nil, false
	}
	s.open[t] = struct{}{}
	t.entry = s.watch.Add(watched{t}, watch.Token{Claims: o.Claims, KeepWhenUnknown: o.KeepWhenUnknown})
	return t, true
}

// Count is how many are open.
func (s *Set) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Drain closes every tunnel with a Close frame to each end, lets no other open, and blocks until none is left. Those that
// are left when ctx ends are cut, which is the error. A set may be drained more than once.
func (s *Set) Drain(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining {
		s.draining = true
		if len(s.open) == 0 {
			close(s.empty)
		}
	}
	s.mu.Unlock()
	for _, t := range s.listOpen() {
		t.end(Stopping)
	}
	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
	}
	left := s.listOpen()
	for _, t := range left {
		t.cutOff()
	}
	<-s.empty
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("%d WebSockets were cut: %w", len(left), ctx.Err())
}

func (s *Set) remove(t *Tunnel) {
	s.watch.Remove(t.entry)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, t)
	if s.draining && len(s.open) == 0 {
		close(s.empty)
	}
}

func (s *Set) listOpen() (list []*Tunnel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.open {
		list = append(list, t)
	}
	return list
}
