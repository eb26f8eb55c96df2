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

// connection is a caller's connection as the HTTP server sees it. It gives out one request at a time, whole lines and
// bodies that are framed without doubt (framing), and ends reads that take longer than the listener's timeouts allow.
// Deadlines that are set on it hold until the next request, where they are earlier.
//
// One goroutine reads at a time, and one writes; the deadlines and Close are for all.
type connection struct {
	transport *transport
	stream    net.Conn // the transport, or TLS over it
	listener  *Listener
	timeouts  Timeouts
	framing   framing

	rest    []byte    // was read, and belongs to the next request
	failed  error     // the caller broke the rules: nothing is read any more
	headEnd time.Time // when a head that did not come as a whole has to be there
	bodyEnd time.Time // likewise of a body; zero: nobody has waited for it yet
	waits   uint64
	first   bool // no byte of a request was seen yet
	raw     bool // a tunnel, no longer HTTP

	reads deadline

	unread atomic.Bool // there is a part of a request that nobody has read
	resets atomic.Bool
	closed atomic.Bool
}

var _ syscall.Conn = (*connection)(nil)

func newConnection(l *Listener, t *transport) *connection {
	c := &connection{transport: t, stream: t, listener: l, timeouts: l.config.Timeouts, first: true}
	c.reads.set = func(t time.Time) error { return c.stream.SetReadDeadline(t) }
	c.framing.maxSize, c.framing.maxCount = l.config.Limits.HeaderSize, l.config.Limits.HeaderCount
	return c
}

// Read implements net.Conn. A connection that ends between two requests, or is silent for too long there, is at its end;
// one that ends within a request fails.
func (c *connection) Read(p []byte) (int, error) {
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

// follow returns how much of p belongs to the request that is being read.
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

// give returns what Read does. The reader gets what came before a mistake first, so that it answers and does not just
// close.
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

// tolerated is the part of a timeout that a socket's deadline may come early.
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
		now := time.Now()
		if c.bodyEnd.IsZero() && c.timeouts.BodyTotal > 0 {
			c.bodyEnd = now.Add(c.timeouts.BodyTotal)
		}
		return c.reads.await(earlier(now.Add(c.timeouts.Body), c.bodyEnd), c.timeouts.Body/tolerated)
	}
}

// Waits counts how often something was read that may have had to be waited for: two calls between which it stays the same
// had everything there. It is for the goroutine that reads.
func (c *connection) Waits() uint64 { return c.waits }

// forgetDeadlines ends what one request has asked for before the next one.
func (c *connection) forgetDeadlines() {
	c.bodyEnd = time.Time{}
	c.reads.forget()
	c.transport.writes.forget()
}

// ending is what a read without bytes means. A body that was cut off never looks like one that has ended.
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

// CloseWrite ends what is sent to the caller, who may go on sending: a tunnel has two directions.
func (c *connection) CloseWrite() error {
	return c.stream.(interface{ CloseWrite() error }).CloseWrite() // TCP and TLS both have it
}

// LocalAddr implements net.Conn.
func (c *connection) LocalAddr() net.Addr { return c.transport.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *connection) RemoteAddr() net.Addr { return c.transport.RemoteAddr() }

// SyscallConn implements syscall.Conn: it is the socket, also under TLS.
func (c *connection) SyscallConn() (syscall.RawConn, error) { return c.transport.SyscallConn() }

// SetReadDeadline implements net.Conn.
func (c *connection) SetReadDeadline(t time.Time) error { return c.reads.ask(t) }

// SetWriteDeadline implements net.Conn.
func (c *connection) SetWriteDeadline(t time.Time) error { return c.stream.SetWriteDeadline(t) }

// SetDeadline implements net.Conn. That there is none at all is how the server says that the connection was hijacked:
// from then on it is a tunnel, and what is read is given out as it came.
func (c *connection) SetDeadline(t time.Time) error {
	if t.IsZero() && !c.raw {
		c.raw = true
	}
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetLinger is that of a TCPConn. With 0 the caller sees a reset and no end: an answer was cut that would have gone on to
// the end of the connection.
func (c *connection) SetLinger(seconds int) error {
	c.resets.Store(seconds == 0)
	return c.transport.SetLinger(seconds)
}

// Close makes room for another connection. Where the caller is still sending what nobody will read, it is given a moment
// to take the answer: a socket that is closed with unread bytes takes back what was written to it.
func (c *connection) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	c.listener.forget(c)
	if c.resets.Load() {
		defer c.listener.release(c.transport)
		return c.transport.TCPConn.Close() // without the word of TLS that all was said
	}
	if c.unread.Load() {
		go func() {
			defer c.listener.release(c.transport)
			c.linger()
		}()
		return nil
	}
	defer c.listener.release(c.transport)
	return c.stream.Close()
}

// lingering is how long an answer may take to its caller after the connection was given up.
const lingering = time.Second

func (c *connection) linger() {
	if secured, ok := c.stream.(interface{ CloseWrite() error }); ok && c.stream != net.Conn(c.transport) {
		_ = secured.CloseWrite() // says that the answer is complete
	}
	_ = c.transport.SetReadDeadline(time.Now().Add(lingering))
	if c.transport.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, c.transport.TCPConn)
	}
	_ = c.transport.TCPConn.Close()
}
