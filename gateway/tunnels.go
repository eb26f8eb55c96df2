package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gatehouse/denylist"
	"gatehouse/gateway/internal/occasional"
)

const (
	// watchInterval is how often every tunnel is looked at: what closes one takes effect within a second, the time to end
	// a frame included.
	watchInterval = 250 * time.Millisecond
	// maxUnknown is how long it may remain unknown whether a tunnel's token was revoked: requests come again after such a
	// moment, a WebSocket would be lost.
	maxUnknown = 2 * time.Second
)

// tunnels are the open WebSockets of a gateway. They are watched by one goroutine. It is safe for concurrent use.
type tunnels struct {
	verifier TokenVerifier
	denylist denylist.Checker
	now      func() time.Time
	log      *slog.Logger
	unknown  occasional.Warning

	mu       sync.Mutex
	open     map[*Tunnel]struct{}
	draining bool
	empty    chan struct{} // closed when draining and none is open

	// What follows is the watch's alone.
	looked  []*Tunnel
	asked   []*Tunnel
	queries []denylist.Query
	answers []error
}

func newTunnels(config *Config) *tunnels {
	return &tunnels{
		verifier: config.Verifier, denylist: config.Denylist, now: config.Now, log: config.Log,
		open: make(map[*Tunnel]struct{}), empty: make(chan struct{}),
	}
}

// add reports whether t may be open: after a drain none is.
func (s *tunnels) add(t *Tunnel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.open[t] = struct{}{}
	return true
}

func (s *tunnels) remove(t *Tunnel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, t)
	if s.draining && len(s.open) == 0 {
		close(s.empty)
	}
}

func (s *tunnels) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// appendOpen appends all that are open.
func (s *tunnels) appendOpen(list []*Tunnel) []*Tunnel {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.open {
		list = append(list, t)
	}
	return list
}

// drain lets no more tunnels open and closes those that are. After the end of ctx, or when it returns, none is left.
func (s *tunnels) drain(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining {
		s.draining = true
		if len(s.open) == 0 {
			close(s.empty)
		}
	}
	s.mu.Unlock()
	for _, t := range s.appendOpen(nil) {
		t.end(Stopping)
	}
	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
	}
	left := s.appendOpen(nil)
	for _, t := range left {
		t.cutOff()
	}
	<-s.empty
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("%d WebSockets were cut: %w", len(left), ctx.Err())
}

// watch ends tunnels whose time has come, until ctx ends.
func (s *tunnels) watch(ctx context.Context) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.look()
			s.checkRevoked(ctx)
		}
	}
}

// look ends what ends by the clock or with its key, and lists the others that have a token.
func (s *tunnels) look() {
	now, byTheirClock := time.Now(), s.now()
	clear(s.looked)
	s.looked, s.asked, s.queries = s.appendOpen(s.looked[:0]), s.asked[:0], s.queries[:0]
	for _, t := range s.looked {
		switch {
		case t.ending.Load() != 0:
		case t.isLate(now):
			t.cutOff()
		case t.claims != nil && !byTheirClock.Before(t.claims.ExpiresAt):
			t.end(TokenExpired)
		case t.claims != nil && s.verifier.KeyWithdrawn(t.claims):
			t.end(TokenRevoked)
		case t.isSilent(now):
			t.end(Silent)
		case t.claims != nil:
			s.asked = append(s.asked, t)
			s.queries = append(s.queries, queryFor(t.claims))
		}
	}
}

// checkRevoked asks about all tokens at once.
func (s *tunnels) checkRevoked(ctx context.Context) {
	if len(s.asked) == 0 {
		return
	}
	for len(s.answers) < len(s.asked) {
		s.answers = append(s.answers, nil)
	}
	answers := s.answers[:len(s.asked)]
	denylist.CheckAll(ctx, s.denylist, s.queries, answers)
	for i, t := range s.asked {
		switch err := answers[i]; {
		case err == nil:
			t.unknownSince = time.Time{}
		case errors.Is(err, denylist.ErrRevoked):
			t.end(TokenRevoked)
		case ctx.Err() != nil || t.to.allows:
		case t.unknownSince.IsZero():
			t.unknownSince = time.Now()
		case time.Since(t.unknownSince) > maxUnknown:
			t.end(TokenUnknown)
			if times, due := s.unknown.Due(); due {
				s.log.Warn("WebSocket closed: cannot tell whether the token was revoked", "route", t.to.name, "error", err, "times", times, t.logged)
			}
		}
	}
	clear(answers)
	clear(s.asked)
}

// isLate holds for a tunnel whose caller was gone before it began, and for one with an end that takes nothing.
func (t *Tunnel) isLate(now time.Time) bool {
	t.mu.Lock()
	begun := t.client != nil
	t.mu.Unlock()
	if !begun {
		return now.Sub(t.opened) > beginTimeout && hasGone(t.caller)
	}
	stalled := func(f *flow) bool {
		since := f.writing.Load()
		return since != 0 && now.Sub(time.Unix(0, since)) > stallTimeout
	}
	return stalled(&t.fromClient) || stalled(&t.fromUpstream)
}

func (t *Tunnel) isSilent(now time.Time) bool {
	timeout := t.to.webSocket.idleTimeout
	return timeout > 0 && now.Sub(time.Unix(0, t.lastRead.Load())) > timeout
}
