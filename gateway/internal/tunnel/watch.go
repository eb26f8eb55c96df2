package tunnel

import (
	"context"
	"errors"
	"time"

	"gatehouse/denylist"
)

const (
	// watchInterval is how often every tunnel is looked at. A tunnel is closed within a second of its cause, the time that a
	// frame takes to end included.
	watchInterval = 250 * time.Millisecond
	// maxUnknown is how long it may be unknown whether a tunnel's token was revoked. A request can be sent again after such a
	// moment; a WebSocket would be lost.
	maxUnknown = 2 * time.Second
	// beginTimeout is how long Run is awaited for a caller that has hung up. For one that has not, the machine is busy.
	beginTimeout = 2 * time.Second
	// stallTimeout is how long an end may take nothing of what is sent to it.
	stallTimeout = 60 * time.Second
)

// watch is what Watch keeps from one look to the next, so that a look allocates nothing.
type watch struct {
	looked  []*Tunnel
	asked   []*Tunnel
	queries []denylist.Query
	answers []error
}

// Watch ends tunnels whose time has come: the token expired, was revoked or lost its key, nothing was said for too long, or
// one end takes nothing. It blocks until ctx ends, and runs once at a time.
func (s *Set) Watch(ctx context.Context) {
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

// look ends tunnels for every cause but a revocation, and lists the others that have a token.
func (s *Set) look() {
	w := &s.watch
	now, tokenTime := time.Now(), s.config.Now()
	clear(w.looked)
	w.looked, w.asked, w.queries = s.appendOpen(w.looked[:0]), w.asked[:0], w.queries[:0]
	for _, t := range w.looked {
		switch {
		case t.ending.Load() != 0:
		case t.isLate(now):
			t.cutOff()
		case t.opening.Claims != nil && !tokenTime.Before(t.opening.Claims.ExpiresAt):
			t.end(TokenExpired)
		case t.opening.Claims != nil && s.config.Keys.KeyWithdrawn(t.opening.Claims):
			t.end(TokenRevoked)
		case t.isSilent(now):
			t.end(Silent)
		case t.opening.Claims != nil:
			w.asked = append(w.asked, t)
			w.queries = append(w.queries, s.config.Query(t.opening.Claims))
		}
	}
}

// checkRevoked asks the denylist about all listed tokens at once.
func (s *Set) checkRevoked(ctx context.Context) {
	w := &s.watch
	if len(w.asked) == 0 {
		return
	}
	for len(w.answers) < len(w.asked) {
		w.answers = append(w.answers, nil)
	}
	answers := w.answers[:len(w.asked)]
	denylist.CheckAll(ctx, s.config.Denylist, w.queries, answers)
	for i, t := range w.asked {
		switch err := answers[i]; {
		case err == nil:
			t.unknownSince = time.Time{}
		case errors.Is(err, denylist.ErrRevoked):
			t.end(TokenRevoked)
		case ctx.Err() != nil || t.opening.KeepWhenUnknown:
		case t.unknownSince.IsZero():
			t.unknownSince = time.Now()
		case time.Since(t.unknownSince) > maxUnknown:
			if t.opening.Unknown != nil {
				t.opening.Unknown(err)
			}
			t.end(TokenUnknown)
		}
	}
	clear(answers)
	clear(w.asked)
}

// isLate holds for a tunnel that never began because its caller had hung up, and for one with an end that takes nothing.
func (t *Tunnel) isLate(now time.Time) bool {
	t.mu.Lock()
	begun := t.caller != nil
	t.mu.Unlock()
	if !begun {
		return now.Sub(t.opened) > beginTimeout && t.opening.CallerGone()
	}
	return t.fromCaller.isStalled(now) || t.fromUpstream.isStalled(now)
}

func (f *flow) isStalled(now time.Time) bool {
	since := f.writing.Load()
	return since != 0 && now.Sub(time.Unix(0, since)) > stallTimeout
}

func (t *Tunnel) isSilent(now time.Time) bool {
	return t.opening.IdleTimeout > 0 && now.Sub(time.Unix(0, t.lastRead.Load())) > t.opening.IdleTimeout
}
