package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"sort"
	"sync"
	"time"

	"gatehouse/gateway/internal/occasional"
)

// Upstreams is what the gateway asks of each upstream. Zero values mean those of DefaultUpstreams. What has no key is not
// for operators to change.
type Upstreams struct {
	// ConnectTimeout bounds the making of a connection, TLS included.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// FirstByteTimeout is how long an answer's head may take from when the request was sent.
	FirstByteTimeout time.Duration `yaml:"first_byte_timeout"`
	// IdleTimeout bounds the time between two reads of an answer's body, and between two writes of a request's.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	// MaxConns is how many requests may be at one upstream at a time. Others wait up to ConnWait for one of them to end, and
	// are then answered 503 without having been sent.
	MaxConns int           `yaml:"max_conns"`
	ConnWait time.Duration `yaml:"conn_wait"`
	// CAFile holds certificates, in PEM, that https origins may have theirs from, in addition to the system's.
	CAFile string `yaml:"ca_file"`
	// MaxIdleConns are kept for the next request, each for at most KeepIdle.
	MaxIdleConns int           `yaml:"-"`
	KeepIdle     time.Duration `yaml:"-"`
	// Rest is how long a connection is left alone before it serves another user, while there are few that are idle
	// and MaxConns allows another one. What an upstream says that nobody has asked for is seen before it can be taken for
	// an answer, if it comes by then.
	Rest time.Duration `yaml:"-"`
}

// DefaultUpstreams is what holds where nobody says otherwise.
func DefaultUpstreams() Upstreams {
	return Upstreams{
		ConnectTimeout: 5 * time.Second, FirstByteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxConns: 512, ConnWait: time.Second,
		MaxIdleConns: 128, KeepIdle: 30 * time.Second, Rest: 10 * time.Millisecond,
	}
}

func (s *Upstreams) setDefaults() {
	byDefault := DefaultUpstreams()
	setDefault(&s.ConnectTimeout, byDefault.ConnectTimeout)
	setDefault(&s.FirstByteTimeout, byDefault.FirstByteTimeout)
	setDefault(&s.IdleTimeout, byDefault.IdleTimeout)
	setDefault(&s.MaxConns, byDefault.MaxConns)
	setDefault(&s.ConnWait, byDefault.ConnWait)
	setDefault(&s.MaxIdleConns, byDefault.MaxIdleConns)
	setDefault(&s.KeepIdle, byDefault.KeepIdle)
	setDefault(&s.Rest, byDefault.Rest)
}

// of returns the settings that hold for a route.
func (s Upstreams) of(route *Route) Upstreams {
	s.ConnectTimeout = cmp.Or(route.ConnectTimeout, s.ConnectTimeout)
	s.FirstByteTimeout = cmp.Or(route.FirstByteTimeout, s.FirstByteTimeout)
	s.IdleTimeout = cmp.Or(route.IdleTimeout, s.IdleTimeout)
	s.MaxConns = cmp.Or(route.MaxConns, s.MaxConns)
	s.ConnWait = cmp.Or(route.ConnWait, s.ConnWait)
	s.CAFile = cmp.Or(route.CAFile, s.CAFile)
	return s
}

func setDefault[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

var errBusy = errors.New("all connections to the upstream are in use")

// upstream is one origin and the connections to it. It is safe for concurrent use.
type upstream struct {
	origin   origin
	settings Upstreams
	tls      *tls.Config   // nil for http
	inUse    chan struct{} // holds one token per connection in use
	failed   [failures]occasional.Warning

	mu     sync.Mutex
	idle   []*conn // the one used last is last
	closed bool
}

// pool is what requests have in common that share connections.
type pool struct {
	origin   origin
	settings Upstreams
}

func newUpstream(at pool) (*upstream, error) {
	u := &upstream{origin: at.origin, settings: at.settings, inUse: make(chan struct{}, at.settings.MaxConns)}
	if u.origin.tls {
		var err error
		if u.tls, err = tlsConfig(u.origin.name, u.settings.CAFile); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// acquire returns a connection on which a request of that user may be written, until release is called with it. It waits for at most
// ConnWait (then errBusy) and dials for at most ConnectTimeout, both until end, if that is not zero. Nothing has been sent
// when it fails. It also returns the time, which is later than now if it had to wait.
func (u *upstream) acquire(user string, now, end time.Time) (*conn, time.Time, error) {
	now, err := u.enter(now, end)
	if err != nil {
		return nil, now, err
	}
	for c := u.takeIdle(user, now); c != nil; c = u.takeIdle(user, now) {
		if c.isQuiet() {
			c.user = user
			return c, now, nil
		}
		_ = c.Close()
	}
	ctx, cancel := context.WithDeadline(context.Background(), earliest(time.Now().Add(u.settings.ConnectTimeout), end))
	defer cancel()
	c, err := u.dial(ctx)
	if err != nil {
		<-u.inUse
		return nil, now, err
	}
	c.user = user
	return c, time.Now(), nil
}

// release gives a connection back, or closes it when it is not to be used again.
func (u *upstream) release(c *conn, reusable bool) {
	if !reusable || c.switches || !u.keep(c) {
		_ = c.Close()
	}
	<-u.inUse
}

func (u *upstream) enter(now, end time.Time) (time.Time, error) {
	select {
	case u.inUse <- struct{}{}:
		return now, nil
	default:
	}
	wait := time.NewTimer(earliest(now.Add(u.settings.ConnWait), end).Sub(now))
	defer wait.Stop()
	select {
	case u.inUse <- struct{}{}:
		return time.Now(), nil
	case <-wait.C:
		return now, errBusy
	}
}

func (u *upstream) takeIdle(user string, now time.Time) *conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.idle) == 0 {
		return nil
	}
	at := u.choose(user, now)
	if at < 0 {
		return nil
	}
	c := u.idle[at]
	u.idle = slices.Delete(u.idle, at, at+1)
	return c
}

// choose returns the index of an idle connection for the user: of those that were used last, one that was the user's;
// else the one that was used last and has rested; else, when there are enough, the one that has rested longest. It returns
// -1 for a new connection. There are some that are idle.
func (u *upstream) choose(user string, now time.Time) int {
	const look = 4
	for i := len(u.idle) - 1; i >= max(0, len(u.idle)-look); i-- {
		if u.idle[i].user == user {
			return i
		}
	}
	since := now.Add(-u.settings.Rest)
	rested := sort.Search(len(u.idle), func(i int) bool { return u.idle[i].idleAt.After(since) })
	switch {
	case rested > 0:
		return rested - 1
	case len(u.idle) >= u.settings.MaxIdleConns/4, len(u.inUse)+len(u.idle) > u.settings.MaxConns:
		return 0
	default:
		return -1
	}
}

func (u *upstream) keep(c *conn) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed || len(u.idle) >= u.settings.MaxIdleConns {
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
