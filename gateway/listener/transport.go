package listener

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// transport is a caller's TCP connection, below TLS if there is any. A write goes on as long as the caller keeps taking
// enough of it, and fails when the caller has taken nothing, or too little, for as long as the patience lasts.
type transport struct {
	*net.TCPConn
	patience time.Duration
	least    int64      // the bytes that have to be taken in a patience
	from     netip.Addr // the address that the connection counts for
	writes   deadline
}

func newTransport(tcp *net.TCPConn, patience time.Duration, least int64, from netip.Addr) *transport {
	return &transport{TCPConn: tcp, patience: patience, least: least, from: from, writes: deadline{set: tcp.SetWriteDeadline}}
}

// Write implements net.Conn.
func (t *transport) Write(p []byte) (written int, err error) {
	for {
		if err := t.writes.await(time.Now().Add(t.patience), t.patience/tolerated); err != nil {
			return written, err
		}
		n, err := t.TCPConn.Write(p[written:])
		for n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && t.writes.extend() {
			n, err = t.TCPConn.Write(p[written:])
		}
		written += n
		if int64(n) < t.least && written < len(p) || n == 0 || written == len(p) || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
	}
}

// SetWriteDeadline implements net.Conn. It can end a write before the patience does, but not later.
func (t *transport) SetWriteDeadline(deadline time.Time) error { return t.writes.ask(deadline) }

// SetDeadline implements net.Conn.
func (t *transport) SetDeadline(deadline time.Time) error {
	return errors.Join(t.SetReadDeadline(deadline), t.SetWriteDeadline(deadline))
}
