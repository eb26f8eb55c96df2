package tunnel

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/gateway/internal/panics"
	"gatehouse/gateway/internal/watch"
	"gatehouse/keys"
)

// Conn is one of the two connections of a tunnel. After CloseWrite nothing more is sent on it, and its other end may go on
// sending. A connection that cannot do that returns an error, and the tunnel ends for both.
type Conn interface {
	net.Conn
	CloseWrite() error
}

// Opening is what a tunnel is made from.
type Opening struct {
	// Claims are the token's; nil for a caller without one, whose tunnel no token can end.
	Claims *keys.Claims
	// KeepWhenUnknown leaves the tunnel open for as long as the denylist cannot tell whether the token was revoked.
	KeepWhenUnknown bool
	// IdleTimeout closes the tunnel when nothing has come from either end for so long. Zero: it may be silent for ever.
	IdleTimeout time.Duration

	// Upstream reads first what the upstream sent right behind its answer.
	Upstream Conn
	// Greeting is sent to the caller before anything else: the head of the answer. It is not counted as sent.
	Greeting []byte
	// CallerGone reports, until Run is called, whether the caller has hung up. It does not block.
	CallerGone func() bool

	// Release is called once, when the tunnel has ended and uses Upstream no more. It closes Upstream.
	Release func()
	// Unknown is called, if it is not nil, when the tunnel is about to be closed as TokenUnknown. It must not block.
	Unknown func(cause error)
	// Observed says that OnEnd will be called. A tunnel that has ended before is counted as open until then.
	Observed bool
	// Panicked is called, if it is not nil, after a panic in the tunnel, which is cut. It must not block.
	Panicked func(err error)
}

// Tunnel is an open WebSocket. It ends when one of its ends hangs up, and is closed when its token is no longer good.
type Tunnel struct {
	set      *Set
	opening  Opening
	upstream Conn
	opened   time.Time

	fromCaller, fromUpstream flow
	lastRead                 atomic.Int64 // from either, in nanoseconds since the Unix epoch
	entry                    *watch.Entry

	ending atomic.Uint32 // the Ending, once somebody decided to end it

	// mu guards what decides about deadlines: those of a tunnel that is closing are not moved by what goes on in it.
	mu      sync.Mutex
	caller  Conn // nil until Run
	closeBy time.Time
	cut     bool
	over    bool // and the connections are no longer the tunnel's

	told  func(End)
	ended *End // nil until it has ended
}

// End is how a tunnel ended.
type End struct {
	Ending Ending
	// Received from the caller and Sent to it, in bytes with the frames' headers.
	Received, Sent int64
	// Took is how long it was open.
	Took time.Duration
}

// OnEnd has told called once when the tunnel has ended, and at once if it has ended before. told must not block. Only the
// first OnEnd of a tunnel counts. It is safe for concurrent use.
func (t *Tunnel) OnEnd(told func(End)) {
	t.mu.Lock()
	first := t.told == nil
	if first {
		t.told = told
	}
	end := t.ended
	t.mu.Unlock()
	switch {
	case !first || end == nil:
	case t.opening.Observed:
		t.leave(told)
	default:
		told(*end)
	}
}

// Run is the life of a tunnel. It blocks until the tunnel has ended, and leaves it to whoever called to close the caller's
// connection, which has no deadline. It returns at once when the tunnel ended before it began: because the caller had gone,
// or the set was drained. It is called at most once.
func (t *Tunnel) Run(caller Conn) {
	if !t.begin(caller) {
		return
	}
	var down sync.WaitGroup
	defer t.finish()
	defer down.Wait()
	t.guard(func() { t.relay(&down) })
}

// relay copies both ways until the caller ends. down is the other way.
func (t *Tunnel) relay(down *sync.WaitGroup) {
	if _, err := t.fromUpstream.send(t.caller, t.opening.Greeting); err != nil {
		return
	}
	t.opening.Greeting = nil
	down.Go(func() { t.guard(t.copyDown) })
	t.copyUp()
}

// guard cuts the tunnel when there is a mistake in what is done for it.
func (t *Tunnel) guard(work func()) {
	err := panics.Do(work)
	if err == nil {
		return
	}
	t.cutOff()
	if t.opening.Panicked != nil {
		t.opening.Panicked(err)
	}
}

// Cut ends the tunnel at once, also before Run. It does not block.
func (t *Tunnel) Cut() { t.cutOff() }

// begin reports whether the tunnel may begin.
func (t *Tunnel) begin(caller Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	t.caller = caller
	_ = t.upstream.SetDeadline(time.Time{}) // that of the handshake
	return true
}

// finish is called once, when nothing is copied any more.
func (t *Tunnel) finish() {
	t.mu.Lock()
	t.over = true // the caller's connection is about to be closed, or to serve another request
	t.mu.Unlock()
	t.guard(t.opening.Release)
	t.mu.Lock()
	t.ended = &End{
		Ending:   Ending(t.ending.Load()),
		Received: t.fromCaller.bytes.Load(), Sent: t.fromUpstream.bytes.Load(),
		Took: time.Since(t.opened),
	}
	told := t.told
	t.mu.Unlock()
	if told != nil || !t.opening.Observed {
		t.leave(told)
	}
}

// leave tells of the end, and then takes the tunnel out of the set: whoever has drained it knows that all was told.
func (t *Tunnel) leave(told func(End)) {
	defer t.set.remove(t)
	if told != nil {
		t.guard(func() { told(*t.ended) })
	}
}
