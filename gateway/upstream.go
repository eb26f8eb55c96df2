package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"time"
)

// Upstreams bounds what the gateway asks of each upstream. Zero values mean the defaults.
type Upstreams struct {
	// MaxConns is how many requests may be at one upstream at a time (512). Others wait up to ConnWait (1 s) for one of
	// them to end, and are then answered 503 without having been sent.
	MaxConns int
	ConnWait time.Duration
	// MaxIdleConns are kept for the next request (128), each for at most IdleTimeout (30 s).
	MaxIdleConns int
	IdleTimeout  time.Duration
	// DialTimeout bounds the making of a TCP connection (5 s), within the route's timeout.
	DialTimeout time.Duration
	// MaxResponseBody is the largest answer that is passed on, in bytes (32 MiB). A larger one is answered 502.
	MaxResponseBody int
	// TLS is for https origins. Nil means the system's roots and TLS 1.2 or newer.
	TLS *tls.Config
}

func (l *Upstreams) setDefaults() {
	setDefault(&l.MaxConns, 512)
	setDefault(&l.ConnWait, time.Second)
	setDefault(&l.MaxIdleConns, 128)
	setDefault(&l.IdleTimeout, 30*time.Second)
	setDefault(&l.DialTimeout, 5*time.Second)
	setDefault(&l.MaxResponseBody, 32<<20)
}

func setDefault[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

var (
	errBusy     = errors.New("all connections to the upstream are in use")
	errBrokeOff = errors.New("the upstream broke off")
)

// upstream is one origin and the connections to it. It is safe for concurrent use.
type upstream struct {
	origin origin
	limits *Upstreams
	inUse  chan struct{} // holds one token per connection in use
	failed [failures]occasional

	mu     sync.Mutex
	idle   []*conn // the one used last is last
	closed bool
}

func newUpstream(o origin, limits *Upstreams) *upstream {
	return &upstream{origin: o, limits: limits, inUse: make(chan struct{}, limits.MaxConns)}
}

// acquire returns a connection on which a request may be written, until release is called with it. It waits for at most
// ConnWait (then errBusy) and dials within deadline. Nothing has been sent when it fails.
func (u *upstream) acquire(deadline time.Time) (*conn, error) {
	if err := u.enter(deadline); err != nil {
		return nil, err
	}
	for c := u.takeIdle(); c != nil; c = u.takeIdle() {
		// A deadline that has passed would keep the guard from looking.
		if c.SetDeadline(deadline) == nil && c.isQuiet() {
			return c, nil
		}
		_ = c.Close()
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	c, err := u.dial(ctx)
	if err != nil {
		<-u.inUse
		return nil, err
	}
	return c, nil
}

// release gives a connection back, or closes it when it is not to be used again.
func (u *upstream) release(c *conn, reusable bool) {
	if !reusable || !u.keep(c) {
		_ = c.Close()
	}
	<-u.inUse
}

func (u *upstream) enter(deadline time.Time) error {
	select {
	case u.inUse <- struct{}{}:
		return nil
	default:
	}
	wait := time.NewTimer(min(u.limits.ConnWait, time.Until(deadline)))
	defer wait.Stop()
	select {
	case u.inUse <- struct{}{}:
		return nil
	case <-wait.C:
		return errBusy
	}
}

func (u *upstream) takeIdle() *conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	last := len(u.idle) - 1
	if last < 0 {
		return nil
	}
	c := u.idle[last]
	u.idle[last] = nil
	u.idle = u.idle[:last]
	return c
}

func (u *upstream) keep(c *conn) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed || len(u.idle) >= u.limits.MaxIdleConns {
		return false
	}
	c.idleAt = time.Now()
	u.idle = append(u.idle, c)
	return true
}

// closeIdleSince closes what has not been used since then.
func (u *upstream) closeIdleSince(then time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	old := 0
	for old < len(u.idle) && !u.idle[old].idleAt.After(then) {
		_ = u.idle[old].Close()
		old++
	}
	rest := copy(u.idle, u.idle[old:])
	clear(u.idle[rest:])
	u.idle = u.idle[:rest]
}

// close lets requests that are under way end, and keeps no connection after them.
func (u *upstream) close() {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	u.closeIdleSince(time.Now())
}
