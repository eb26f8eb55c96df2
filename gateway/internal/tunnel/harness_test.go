package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway/gatewaytest"
	"gatehouse/gateway/internal/watch"
	"gatehouse/keys"
)

// socket is a connection of two pipes, so that each direction can be closed alone. Nothing is buffered: a Write returns when
// all of it was read, so that an end that does not read takes nothing. Its deadlines go by the clock of the bubble.
type socket struct {
	net.Conn // whose Read is used
	out      net.Conn
}

func newSockets() (ours, theirs *socket) {
	toUs, fromThem := net.Pipe()
	toThem, fromUs := net.Pipe()
	return &socket{toUs, fromUs}, &socket{toThem, fromThem}
}

func (s *socket) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // as a socket; a pipe would wait for a reader
	}
	return s.out.Write(p)
}
func (s *socket) CloseWrite() error                  { return s.out.Close() }
func (s *socket) Close() error                       { return errors.Join(s.out.Close(), s.Conn.Close()) }
func (s *socket) SetWriteDeadline(t time.Time) error { return s.out.SetWriteDeadline(t) }
func (s *socket) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// end is one of the two ends of a tunnel, as the test plays it.
type end struct {
	*socket
	t      *testing.T
	mu     sync.Mutex
	heard  []byte
	closed bool // it has heard the end
}

// listen reads everything from now on.
func (e *end) listen() {
	go func() {
		buffer := make([]byte, 100)
		for {
			n, err := e.Read(buffer)
			e.mu.Lock()
			e.heard, e.closed = append(e.heard, buffer[:n]...), err != nil
			e.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
}

// has returns what was heard, once nothing else happens at this time.
func (e *end) has() (heard string, closed bool) {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	return string(e.heard), e.closed
}

func (e *end) requireHeard(want string, closed bool) {
	e.t.Helper()
	heard, isClosed := e.has()
	require.Equal(e.t, want, heard)
	require.Equal(e.t, closed, isClosed)
}

func (e *end) send(data string) {
	e.t.Helper()
	_, err := io.WriteString(e, data)
	require.NoError(e.t, err)
}

const (
	watchInterval = watch.Interval
	maxUnknown    = watch.MaxUnknown
)

// world is a set and all that it asks.
type world struct {
	t     *testing.T
	watch *watch.Watch
	set   *Set

	mu        sync.Mutex
	answer    error
	asked     []denylist.Query
	withdrawn string // key
}

func (w *world) Check(_ context.Context, q denylist.Query) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, q)
	return w.answer
}

func (w *world) KeyWithdrawn(claims *keys.Claims) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return claims.KeyID == w.withdrawn
}

// denylistSays is what every check answers from now on.
func (w *world) denylistSays(answer error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

func (w *world) withdraw(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.withdrawn = key
}

// inWorld runs a test in a bubble whose clock moves when everybody waits.
func inWorld(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.watch = watch.New(watch.Config{Panicked: func(err error) { t.Error(err) }, Keys: w, Denylist: w, Now: time.Now, Query: func(c *keys.Claims) denylist.Query {
			return denylist.Query{TokenID: c.ID, GrantID: c.GrantID, ClientID: c.ClientID}
		}})
		w.set = New(w.watch)
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { w.watch.Run(ctx) })
		defer func() {
			stop()
			_ = w.set.Drain(ctx)
			watching.Wait()
		}()
		test(t, w)
	})
}

// claims are those of a token that is good for an hour.
func claims() *keys.Claims {
	return &keys.Claims{ID: "token-1", GrantID: "grant-1", ClientID: "app", KeyID: "key-1", ExpiresAt: time.Now().Add(time.Hour)}
}

// opened is a tunnel and its ends.
type opened struct {
	*Tunnel
	caller, upstream *end
	callerConn       *socket // the gateway's end, for Run
	begins           time.Time
	ends             chan End
}

// open opens a tunnel that does not run yet.
func (w *world) open(o Opening) *opened {
	w.t.Helper()
	ourCaller, caller := newSockets()
	ourUpstream, upstream := newSockets()
	p := &opened{
		caller: &end{socket: caller, t: w.t}, upstream: &end{socket: upstream, t: w.t},
		callerConn: ourCaller, begins: time.Now(), ends: make(chan End, 1),
	}
	released := false
	o.Upstream = ourUpstream
	o.Release = func() {
		require.False(w.t, released, "once")
		released = true
		_ = ourUpstream.Close()
	}
	var ok bool
	p.Tunnel, ok = w.set.Open(o)
	require.True(w.t, ok)
	p.OnEnd(func(e End) { p.ends <- e })
	w.t.Cleanup(func() { _ = errors.Join(caller.Close(), upstream.Close(), ourCaller.Close()) })
	return p
}

func (p *opened) run() {
	go func() {
		p.Run(p.callerConn)
		_ = p.callerConn.Close()
	}()
	synctest.Wait()
}

// start opens a tunnel that runs, and whose ends listen.
func (w *world) start(o Opening) *opened {
	w.t.Helper()
	p := w.open(o)
	p.caller.listen()
	p.upstream.listen()
	p.run()
	return p
}

// says sends something from each end to the other.
func (p *opened) says(message string) {
	p.caller.t.Helper()
	before, _ := p.caller.has()
	beforeUp, _ := p.upstream.has()
	p.upstream.send(frame(text, message))
	p.caller.send(masked(frame(text, message)))
	p.caller.requireHeard(before+frame(text, message), false)
	p.upstream.requireHeard(beforeUp+masked(frame(text, message)), false)
}

// requireEnd waits for the end.
func (p *opened) requireEnd(why Ending) End {
	p.caller.t.Helper()
	var e End
	select {
	case e = <-p.ends:
	case <-time.After(24 * time.Hour): // of the bubble's clock
		require.Fail(p.caller.t, "the tunnel has not ended")
	}
	require.Equal(p.caller.t, why, e.Ending)
	synctest.Wait()
	return e
}

// Tables are full of frames, so their names are short.
const (
	text, textBegins = gatewaytest.Text, gatewaytest.TextBegins
	pings            = gatewaytest.Pings
)

var frame, closed, masked = gatewaytest.Frame, gatewaytest.CloseFrame, gatewaytest.Masked
