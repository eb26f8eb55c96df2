package gatewaytest

import (
	"bufio"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Upstream accepts connections, does with each what its script says, and keeps account of connections and requests. Its
// methods are safe for concurrent use; those that wait fail the test after Patience.
type Upstream struct {
	t        testing.TB
	ln       net.Listener
	script   Script
	done     sync.WaitGroup
	release  sync.Once
	released chan struct{}

	mu      sync.Mutex
	ended   bool
	forgets bool
	count   int
	open    map[*Conn]struct{}
	conns   []*Conn
	seen    []Request
}

// Script is what an upstream does with one connection. The connection is closed when it returns. It runs in a goroutine of
// its own, so that it must not end the test; t.Errorf is fine.
type Script func(*Conn)

// NewUpstream listens on a free port. When the test ends it closes what is still open, and waits for the scripts.
func NewUpstream(t testing.TB, script Script) *Upstream {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	u := &Upstream{t: t, ln: ln, script: script, released: make(chan struct{}), open: make(map[*Conn]struct{})}
	u.done.Go(u.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		u.Release()
		u.mu.Lock()
		u.ended = true
		for c := range u.open {
			_ = c.socket.Close()
		}
		u.mu.Unlock()
		u.done.Wait()
	})
	return u
}

func (u *Upstream) accept() {
	for number := 0; ; number++ {
		socket, err := u.ln.Accept()
		if err != nil {
			return
		}
		c := &Conn{
			Conn: socket, Reader: bufio.NewReader(socket), Number: number, Upstream: u, socket: socket, closed: make(chan struct{}),
		}
		u.mu.Lock()
		if u.ended {
			_ = socket.Close() // which its script will see
		}
		u.open[c] = struct{}{}
		if u.count++; !u.forgets {
			u.conns = append(u.conns, c)
		}
		u.mu.Unlock()
		u.done.Go(func() {
			defer func() {
				_ = c.Close() // of TLS, where the script has begun it
				_ = socket.Close()
				u.mu.Lock()
				delete(u.open, c)
				u.mu.Unlock()
				close(c.closed)
			}()
			u.script(c)
		})
	}
}

// Addr is where it listens.
func (u *Upstream) Addr() string { return u.ln.Addr().String() }

// Port is that of Addr.
func (u *Upstream) Port() string {
	_, port, _ := net.SplitHostPort(u.Addr())
	return port
}

// URL is its http origin.
func (u *Upstream) URL() string { return "http://" + u.Addr() }

// Forget lets it remember neither requests nor connections from now on, for tests that are long. They are counted still.
func (u *Upstream) Forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forgets = true
}

// Release lets scripts go on that are in Conn.Hold, now and later. It may be called twice.
func (u *Upstream) Release() { u.release.Do(func() { close(u.released) }) }

// Released is closed by Release.
func (u *Upstream) Released() <-chan struct{} { return u.released }

// Requests are those that were read whole so far, in the order of their ends.
func (u *Upstream) Requests() []Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.seen)
}

// Take returns the requests since it was called last.
func (u *Upstream) Take() []Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := u.seen
	u.seen = nil
	return seen
}

// Connections is how many were accepted.
func (u *Upstream) Connections() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.count
}

// Only returns the one request that was seen. It may still be on its way: who sent it knows only that it was sent.
func (u *Upstream) Only() Request {
	u.t.Helper()
	require.Eventually(u.t, func() bool { return len(u.Requests()) > 0 }, Patience, time.Millisecond)
	seen := u.Requests()
	require.Len(u.t, seen, 1)
	return seen[0]
}

// Conn waits until a connection was accepted, counted from 0: for who has connected it is open before.
func (u *Upstream) Conn(number int) *Conn {
	u.t.Helper()
	require.Eventually(u.t, func() bool { return u.Connections() > number }, Patience, time.Millisecond)
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.conns[number]
}

// Closed is closed when the script of a connection has returned.
func (u *Upstream) Closed(number int) <-chan struct{} {
	u.t.Helper()
	return u.Conn(number).closed
}

// AwaitClosed waits until the upstream has closed a connection: because it meant to, or because the other side did.
func (u *Upstream) AwaitClosed(number int) {
	u.t.Helper()
	select {
	case <-u.Closed(number):
	case <-time.After(Patience):
		require.Fail(u.t, "the connection stays open")
	}
}

// AwaitEnd waits until the other side has ended a connection from which nobody else reads any more.
func (u *Upstream) AwaitEnd(number int) {
	u.t.Helper()
	c := u.Conn(number)
	_ = c.socket.SetReadDeadline(time.Now().Add(Patience)) // fails when it is closed already
	_, err := io.Copy(io.Discard, c.socket)
	require.NotErrorIs(u.t, err, os.ErrDeadlineExceeded, "the connection stays open")
}

func (u *Upstream) remember(r Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.forgets {
		u.seen = append(u.seen, r)
	}
}
