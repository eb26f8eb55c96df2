package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sort"
	"sync"
	"time"
)

// Pool is one origin and the connections to it. It is safe for concurrent use.
type Pool struct {
	origin   Origin
	settings Settings
	tls      *tls.Config // nil for http
	requests *places
	sockets  *places // of WebSockets, which may last for days

	mu     sync.Mutex
	idle   []*conn // the one used last is last
	closed bool
}

// NewPool makes no connection yet. The error is one of Settings.CAFile. The pool has to be closed.
func NewPool(origin Origin, settings Settings) (*Pool, error) {
	settings.SetDefaults()
	p := &Pool{
		origin:   origin,
		settings: settings,
		requests: newPlaces(settings.MaxConns, settings.MaxConnsPerUser),
		sockets:  newPlaces(settings.MaxWebSockets, settings.MaxWebSocketsPerUser),
	}
	if origin.TLS {
		var err error
		if p.tls, err = tlsConfig(origin.Name, settings.CAFile); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Origin is where the pool's requests go.
func (p *Pool) Origin() Origin { return p.origin }

// Caller is on whose behalf an exchange is.
type Caller struct {
	Holder
	// Conn is watched until the exchange has ended: nobody is waited for on behalf of a caller who left. It may be nil.
	Conn net.Conn
	// Upgrades says that another protocol will be asked for. What speaks it has places of its own.
	Upgrades bool
	// End is when the exchange, Acquire included, has to be over; zero means no bound.
	End time.Time
}

// Acquire begins an exchange: it finds or makes a connection on which a request of the caller may be written. It waits for
// a place for at most ConnWait (then ErrBusy, or ErrOverShare when the caller's own are all taken) and dials for at most
// ConnectTimeout. When it fails nothing was sent.
func (p *Pool) Acquire(caller Caller) (Exchange, error) {
	began := time.Now()
	of := p.placesFor(caller)
	now, err := of.enter(caller.Holder, began, earliest(began.Add(p.settings.ConnWait), caller.End))
	if err != nil {
		return Exchange{}, err
	}
	for c := p.takeIdle(caller.User, now); c != nil; c = p.takeIdle(caller.User, now) {
		if c.isQuiet() {
			return c.begin(caller, of, began, now), nil
		}
		_ = c.Close()
	}
	ctx, cancel := context.WithDeadline(context.Background(), earliest(time.Now().Add(p.settings.ConnectTimeout), caller.End))
	defer cancel()
	c, err := p.dial(ctx)
	if err != nil {
		of.leave(caller.Holder)
		return Exchange{}, err
	}
	return c.begin(caller, of, began, time.Now()), nil
}

func (p *Pool) placesFor(caller Caller) *places {
	if caller.Upgrades {
		return p.sockets
	}
	return p.requests
}

// release gives a connection back, or closes it when it is not to be used again. Once it was given back it is another's.
func (p *Pool) release(c *conn, reusable bool) {
	of, holder := c.places, c.holder
	if !reusable || !p.keep(c) {
		_ = c.Close()
	}
	of.leave(holder)
}

func (p *Pool) takeIdle(user string, now time.Time) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	at := p.choose(user, now)
	if at < 0 {
		return nil
	}
	c := p.idle[at]
	p.idle = slices.Delete(p.idle, at, at+1)
	return c
}

// choose returns the index of an idle connection for the user, or -1 for a new connection. It prefers one that the user
// had, among those that were used last; then the one that was used last of those whose quiet period is over; then, when
// enough connections are idle, the one that was idle longest. At least one connection is idle.
func (p *Pool) choose(user string, now time.Time) int {
	const look = 4
	for i := len(p.idle) - 1; i >= max(0, len(p.idle)-look); i-- {
		if p.idle[i].holder.User == user {
			return i
		}
	}
	since := now.Add(-p.settings.QuietPeriod)
	quiet := sort.Search(len(p.idle), func(i int) bool { return p.idle[i].idleAt.After(since) })
	switch {
	case quiet > 0:
		return quiet - 1
	case len(p.idle) >= p.settings.MaxIdleConns/4, p.requests.inUse()+len(p.idle) > p.settings.MaxConns:
		return 0
	default:
		return -1
	}
}

func (p *Pool) keep(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.settings.MaxIdleConns {
		return false
	}
	c.idleAt = time.Now()
	p.idle = append(p.idle, c)
	return true
}

// CloseIdleSince closes the connections that were not used since then. It may block for seconds, because TLS says goodbye
// to a peer that may take nothing; the pool is not locked meanwhile.
func (p *Pool) CloseIdleSince(then time.Time) {
	for _, c := range p.takeIdleSince(then) {
		_ = c.Close()
	}
}

// takeIdleSince returns the connections that were not used since then. They are the pool's no longer.
func (p *Pool) takeIdleSince(then time.Time) []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := 0
	for old < len(p.idle) && !p.idle[old].idleAt.After(then) {
		old++
	}
	taken := slices.Clone(p.idle[:old])
	p.idle = slices.Delete(p.idle, 0, old)
	return taken
}

// Close closes the idle connections. Exchanges that are under way go on, and their connections are closed after them.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.CloseIdleSince(time.Now())
}
