package app

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// transport is a caller's TCP connection, beneath TLS if there is any. A write to it lasts as long as the caller takes
// something of it every now and then, and ends when the caller has taken nothing for the time given.
type transport struct {
	*net.TCPConn
	patience time.Duration
	from     netip.Addr // whom the connection counts for

	mu    sync.Mutex
	asked time.Time // by whoever handles the request
}

// Write implements net.Conn.
func (t *transport) Write(p []byte) (written int, err error) {
	for {
		if err := t.wait(); err != nil {
			return written, err
		}
		n, err := t.TCPConn.Write(p[written:])
		written += n
		if n == 0 || written == len(p) || !errors.Is(err, os.ErrDeadlineExceeded) || t.isOver() {
			return written, err
		}
	}
}

func (t *transport) wait() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.TCPConn.SetWriteDeadline(earlier(time.Now().Add(t.patience), t.asked))
}

func (t *transport) isOver() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.asked.IsZero() && !time.Now().Before(t.asked)
}

// SetWriteDeadline implements net.Conn. It does not lengthen the patience with a caller.
func (t *transport) SetWriteDeadline(deadline time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = deadline
	return t.TCPConn.SetWriteDeadline(deadline)
}

// SetDeadline implements net.Conn.
func (t *transport) SetDeadline(deadline time.Time) error {
	return errors.Join(t.SetReadDeadline(deadline), t.SetWriteDeadline(deadline))
}

// forgetDeadline leaves the patience alone.
func (t *transport) forgetDeadline() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = time.Time{}
}
