package tunnel

import (
	"time"

	"gatehouse/gateway/internal/watch"
)

const (
	// beginTimeout is how long Run is awaited for a caller that has hung up. For one that has not, the machine is busy.
	beginTimeout = 2 * time.Second
	// stallTimeout is how long an end may take nothing of what is sent to it.
	stallTimeout = 60 * time.Second
)

// watched is a tunnel as the watch sees it. It is closed within a second of the cause, the time that a frame takes to end
// included.
type watched struct{ *Tunnel }

var _ watch.Subject = watched{}

// Look implements watch.Subject. It ends a tunnel in which nothing was said for too long, and one with an end that takes
// nothing.
func (w watched) Look(now time.Time) bool {
	t := w.Tunnel
	switch {
	case t.ending.Load() != 0:
		return false
	case t.isLate(now):
		t.cutOff()
		return false
	case t.isSilent(now):
		t.end(Silent)
		return false
	}
	return true
}

// endingFor is how a tunnel ends with its token.
var endingFor = map[watch.Reason]Ending{
	watch.Expired: TokenExpired, watch.Revoked: TokenRevoked, watch.KeyWithdrawn: TokenRevoked, watch.Unknown: TokenUnknown,
}

// End implements watch.Subject.
func (w watched) End(why watch.Reason, cause error) {
	if why == watch.Unknown && w.opening.Unknown != nil {
		w.opening.Unknown(cause)
	}
	w.end(endingFor[why])
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
