package gateway

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/gateway/internal/routing"
	"gatehouse/gateway/internal/upstream"
	"gatehouse/gateway/internal/watch"
	"gatehouse/keys"
)

// Cut is why a request that was let pass was ended before its end.
type Cut = watch.Reason

// NotCut is of a request that came to its end, or failed by itself.
const NotCut = watch.None

// Cuts returns all of them, by their value.
func Cuts() []Cut { return watch.Reasons() }

// cutRefusals are what a fresh request with that token gets.
var cutRefusals = map[Cut]*refusal{
	watch.Expired: errExpiredToken, watch.Revoked: errRevokedToken,
	watch.KeyWithdrawn: errWithdrawnKey, watch.Unknown: errRevocationUnknown,
}

// lasting is a request under way that has lasted so long that its token is watched. One that is over sooner never has one.
type lasting struct {
	gateway  *Gateway
	to       *rule
	exchange upstream.Exchange
	id       string
	entry    *watch.Entry
	cut      atomic.Uint32 // the Cut

	mu     sync.Mutex
	over   bool     // and the exchange another's
	caller net.Conn // who is given the answer, once it has begun
}

var _ watch.Subject = (*lasting)(nil)

// watchOver has the exchange woken when the token is no longer good. Whoever uses the exchange asks wasCut, and calls stop
// before its end.
func (g *Gateway) watchOver(x upstream.Exchange, claims *keys.Claims, to *rule, id string) *lasting {
	l := &lasting{gateway: g, to: to, exchange: x, id: id}
	l.entry = g.watch.Add(l, watch.Token{Claims: claims, KeepWhenUnknown: to.allows})
	return l
}

// wasCut may be asked of none.
func (l *lasting) wasCut() Cut {
	if l == nil {
		return NotCut
	}
	return Cut(l.cut.Load())
}

// giveTo says that the caller is being written to from now on, and may be slow to take it.
func (l *lasting) giveTo(caller net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.caller = caller
	if l.wasCut() != NotCut {
		_ = caller.SetWriteDeadline(longAgo)
	}
}

// stop may be called of none, and more than once.
func (l *lasting) stop() {
	if l == nil {
		return
	}
	l.gateway.watch.Remove(l.entry)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// Look implements watch.Subject.
func (l *lasting) Look(time.Time) bool { return l.wasCut() == NotCut }

// End implements watch.Subject.
func (l *lasting) End(why watch.Reason, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || !l.cut.CompareAndSwap(uint32(NotCut), uint32(why)) {
		return
	}
	l.exchange.Wake()
	if l.caller != nil {
		_ = l.caller.SetWriteDeadline(longAgo)
	}
	if why == watch.Unknown {
		l.gateway.unknownTooLong(l.to, cause, logged(l.id))
	}
}

var longAgo = time.Unix(1, 0)

// GoOn implements upstream.Watcher, for a request whose answer has not begun. A request that was sent whole is given its
// answer, unless asking again does no harm: only the answer tells what became of it.
func (r *request) GoOn(onlyAnswer bool) error {
	if r.seen.Claims == nil || onlyAnswer && (r.payment != nil || !routing.IsSafe(r.method)) {
		return nil
	}
	if r.lasting == nil {
		r.lasting = r.gateway.watchOver(r.exchange, r.seen.Claims, r.rule, string(r.id))
	}
	if r.seen.Cut = r.lasting.wasCut(); r.seen.Cut != NotCut {
		return cutRefusals[r.seen.Cut]
	}
	return nil
}

// errCut is of an answer whose token is no longer good.
var errCut = errors.New("the token is no longer good")

// GoOn implements upstream.Watcher, for an answer that has begun.
func (s *answerStream) GoOn(bool) error {
	s.watch()
	if s.lasting.wasCut() != NotCut {
		return errCut
	}
	return nil
}

// unwatched is how much of an answer may be given to its caller before it is watched: every socket has room for so little,
// so that nobody is waited for.
const unwatched = 16 << 10

// watch has the answer cut with its token.
func (s *answerStream) watch() {
	if s.lasting == nil && s.claims != nil {
		s.lasting = s.gateway.watchOver(s.exchange, s.claims, s.to, s.id)
		s.lasting.giveTo(s.ctx.Conn())
	}
}
