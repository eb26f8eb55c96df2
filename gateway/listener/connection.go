package listener

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// connection is a caller's connection as the HTTP server sees it. It gives out one request at a time. It fails reads of a
// request whose end is in doubt (framing), and reads that take longer than the listener's timeouts allow. A deadline that
// the server sets can only shorten these timeouts; it holds until the next request.
//
// One goroutine may read and another may write at the same time. The deadlines and Close are safe for concurrent use.
type connection struct {
	transport *transport
	stream    net.Conn // the transport, or TLS over it
	listener  *Listener
	timeouts  Timeouts
	framing   framing

	rest    []byte    // was read already, and belongs to the next request
	failed  error     // what every read returns from now on, because the caller broke the rules
	headEnd time.Time // the deadline of a head that did not come in one read
	bodyEnd time.Time // likewise of a body; zero: nobody has waited for it yet
	waits   uint64
	pace    pace
	first   bool // nothing was received yet
	raw     bool // the connection is a tunnel, and no longer HTTP

	reads deadline

	unread atomic.Bool // the server has not read a request to its end
	resets atomic.Bool // Close resets the connection
	closed atomic.Bool
}

var _ syscall.Conn = (*connection)(nil)

func newConnection(l *Listener, t *transport) *connection {
	c := &connection{transport: t, stream: t, listener: l, timeouts: l.config.Timeouts, first: true}
	c.reads.set = func(t time.Time) error { return c.stream.SetReadDeadline(t) }
	c.framing.maxSize, c.framing.maxCount = l.config.Limits.HeaderSize, l.config.Limits.HeaderCount
	return c
}

// Read implements net.Conn. Between two requests, the end of the connection and the idle timeout are io.EOF. Within a
// request they are errors.
func (c *connection) Read(p []byte) (n int, err error) {
	defer func() {
		if c.failed == nil && errors.Is(err, errPanicked) {
			c.failed = err
		}
	}()
	defer c.listener.contain("read", &err)
	return c.read(p)
}

func (c *connection) read(p []byte) (int, error) {
	switch {
	case c.failed != nil:
		return 0, c.failed
	case len(c.rest) > 0:
		return c.readRest(p)
	case c.raw:
		return c.stream.Read(p)
	}
	if err := c.await(); err != nil {
		return 0, err
	}
	c.waits++
	isBody := c.framing.phase == inBody || c.framing.phase == inChunks
	n, err := c.stream.Read(p)
	for n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.reads.extend() {
		n, err = c.stream.Read(p)
	}
	if n == 0 {
		if c.first {
			c.listener.forget(c)
		}
		return 0, c.ending(err)
	}
	if isBody {
		if err := c.pace.add(n, time.Now(), c.timeouts.Body, c.listener.leastBody); err != nil {
			return c.give(0, err)
		}
	}
	own, err := c.follow(p[:n])
	if err == nil && own < n {
		c.rest = bytes.Clone(p[own:n])
	}
	return c.give(own, err)
}

func (c *connection) readRest(p []byte) (n int, err error) {
	n = min(len(p), len(c.rest))
	if !c.raw {
		if c.framing.phase == atStart {
			c.forgetDeadlines()
		}
		n, err = c.follow(c.rest[:n])
	}
	copy(p, c.rest[:n])
	c.rest = c.rest[n:]
	return c.give(n, err)
}

// follow returns how many bytes of p belong to the request that is being read.
func (c *connection) follow(p []byte) (int, error) {
	if c.first {
		c.first = false
		c.listener.forget(c)
	}
	begins := c.framing.phase == atStart
	n, err := c.framing.follow(p)
	if begins && c.framing.inHead() {
		c.headEnd = time.Now().Add(c.timeouts.Header)
	}
	return n, err
}

// give returns the result of a read. Where the caller made a mistake, the server first gets the bytes before it, and the
// error with its next read: it then answers the request, and does not just close the connection.
func (c *connection) give(n int, err error) (int, error) {
	c.failed = err
	if unread := err != nil || len(c.rest) > 0 || c.framing.phase != atStart; unread != c.unread.Load() {
		c.unread.Store(unread)
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

// tolerated bounds how much too early a socket's deadline may be: by one part in so many of the timeout.
const tolerated = 8

// await sets the deadline of the next read.
func (c *connection) await() error {
	switch {
	case c.framing.phase == atStart:
		c.forgetDeadlines()
		wait := c.timeouts.Idle
		if c.first {
			wait = c.timeouts.Header
		}
		return c.reads.await(time.Now().Add(wait), wait/tolerated)
	case c.framing.inHead():
		return c.reads.await(c.headEnd, c.timeouts.Header/tolerated)
	default:
		return c.awaitBody(time.Now())
	}
}

// Waits counts how often something was read that may have had to be waited for: two calls between which it stays the same
// had everything there. It is for the goroutine that reads.
func (c *connection) Waits() uint64 { return c.waits }

// forgetDeadlines drops the deadlines that the server has set for one request, before the next one begins.
func (c *connection) forgetDeadlines() {
	c.bodyEnd, c.pace = time.Time{}, pace{}
	c.reads.forget()
	c.transport.writes.forget()
}

// ending returns the error of a read that got nothing. A body that was cut off never looks like one that has ended.
func (c *connection) ending(err error) error {
	between := c.framing.phase == atStart
	switch {
	case between && errors.Is(err, os.ErrDeadlineExceeded):
		return io.EOF
	case !between && errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}

// Write implements net.Conn.
func (c *connection) Write(p []byte) (int, error) { return c.stream.Write(p) }

// CloseWrite ends what is sent to the caller. The caller may go on sending, since a tunnel has two directions.
func (c *connection) CloseWrite() error {
	return c.stream.(interface{ CloseWrite() error }).CloseWrite() // TCP and TLS both have it
}

// LocalAddr implements net.Conn.
func (c *connection) LocalAddr() net.Addr { return c.transport.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *connection) RemoteAddr() net.Addr { return c.transport.RemoteAddr() }

// SyscallConn implements syscall.Conn. It is the socket's, also under TLS.
func (c *connection) SyscallConn() (syscall.RawConn, error) { return c.transport.SyscallConn() }

// SetReadDeadline implements net.Conn.
func (c *connection) SetReadDeadline(t time.Time) error { return c.reads.ask(t) }

// SetWriteDeadline implements net.Conn.
func (c *connection) SetWriteDeadline(t time.Time) error { return c.stream.SetWriteDeadline(t) }

// SetDeadline implements net.Conn. The zero time is how the server says that the connection was hijacked. From then on it
// is a tunnel, and Read returns what is received as it came.
func (c *connection) SetDeadline(t time.Time) error {
	if t.IsZero() && !c.raw {
		c.raw = true
	}
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetLinger does what net.TCPConn's does. With 0, Close resets the connection. That is how a caller learns that an answer
// was cut whose end would have been the end of the connection.
func (c *connection) SetLinger(seconds int) error {
	c.resets.Store(seconds == 0)
	return c.transport.SetLinger(seconds)
}

// Close closes the connection and makes room for another one. It does not block: where the caller may have to be waited
// for, the connection is closed a little later, and keeps its place until then. That is so under TLS, which sends a last
// word, and where the caller is still sending: closing a socket with unread bytes resets it, and the caller would lose the
// answer.
func (c *connection) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	c.listener.forget(c)
	switch {
	case c.resets.Load():
		defer c.listener.release(c.transport)
		return c.transport.TCPConn.Close() // without TLS's word that nothing was cut
	case c.unread.Load():
		go c.closeLater(c.linger)
	case c.secured():
		go c.closeLater(func() { _ = c.stream.Close() })
	default:
		defer c.listener.release(c.transport)
		return c.transport.Close()
	}
	return nil
}

func (c *connection) secured() bool { return c.stream != net.Conn(c.transport) }

// closeLater gives the place back, whatever becomes of the end.
func (c *connection) closeLater(end func()) {
	defer c.listener.release(c.transport)
	defer func() { _ = c.transport.TCPConn.Close() }()
	defer c.listener.contain("close", nil)
	end()
}

// lingering is how long a caller who is still sending may take to receive its answer.
const lingering = time.Second

func (c *connection) linger() {
	if c.secured() {
		_ = c.stream.(interface{ CloseWrite() error }).CloseWrite() // says that the answer is complete
	}
	_ = c.transport.SetReadDeadline(time.Now().Add(lingering))
	if c.transport.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, c.transport.TCPConn)
	}
}
