package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

const (
	readBufferSize = 16 << 10
	maxInterim     = 8
)

// fasthttp's own errors quote the answer, which belongs to a user and not in a log.
var (
	errNotHTTP  = errors.New("the answer is not valid HTTP/1.1")
	errUpgraded = errors.New("the upstream changed protocols without being asked")
	errBrokeOff = errors.New("the upstream broke off")
	errTooSlow  = errors.New("the upstream was too slow")
)

// conn is one connection to an upstream. It carries one exchange at a time. One goroutine reads from it; another may
// write, while there is an upload.
type conn struct {
	net.Conn
	settings *Upstreams
	reader   *bufio.Reader
	guard    *guard
	// records is nil without TLS.
	records *recordReader
	head    answerHead // of the last answer
	waiting waiting
	writeAt time.Time // the write deadline in force
	user    string    // of the last request
	idleAt  time.Time // when it ended
	// switches says that the upstream was asked for another protocol. It may answer in that at any time.
	switches bool
}

// dial connects within the deadline of ctx, TLS included.
func (u *upstream) dial(ctx context.Context) (*conn, error) {
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "tcp", u.origin.address)
	if err != nil {
		return nil, err
	}
	tcp, ok := raw.(syscall.Conn)
	if !ok {
		_ = raw.Close()
		return nil, fmt.Errorf("cannot look at a %T", raw)
	}
	c := &conn{Conn: raw, settings: &u.settings}
	if c.guard, err = newGuard(tcp); err != nil {
		_ = raw.Close()
		return nil, err
	}
	if u.origin.tls {
		if c.Conn, c.records, err = u.handshake(ctx, raw); err != nil {
			_ = raw.Close()
			return nil, err
		}
	}
	c.reader = bufio.NewReaderSize(c, readBufferSize)
	return c, nil
}

// isQuiet reports whether nothing has arrived since the last answer and the upstream has not hung up. Only then may the
// next request be written: bytes that wait would be taken for its answer, and they are someone else's.
func (c *conn) isQuiet() bool {
	return c.reader.Buffered() == 0 && (c.records == nil || c.records.isEmpty(c.Conn)) && c.guard.isQuiet()
}

// send writes the head of a request, a part of its body, or both. The upstream has IdleTimeout to take it. After an error
// the connection has to be closed, whatever was sent.
func (c *conn) send(p []byte, now time.Time) error {
	by := earliest(now.Add(c.settings.IdleTimeout), c.waiting.end)
	if c.writeAt.After(by) || by.Sub(c.writeAt) > c.settings.IdleTimeout/8 {
		if err := c.SetWriteDeadline(by); err != nil {
			return err
		}
		c.writeAt = by
	}
	_, err := c.Write(p)
	return err
}

// readHead reads the head of the answer into c.head, and skips interim answers (RFC 9110 section 15.2), hints to browsers
// included: not every client expects them. A status of 101 ends the search: what follows it in c.reader and on the
// connection is not HTTP.
func (c *conn) readHead() error {
	for range maxInterim {
		if err := c.head.read(c.reader); err != nil {
			return readError(err)
		}
		if c.head.isFinal() {
			return nil
		}
	}
	return errNotHTTP
}

// readError keeps the causes that a log may show.
func readError(err error) error {
	var network *net.OpError
	var refused *refusal
	switch {
	case errors.As(err, &network):
		return network
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errBrokeOff):
		return errBrokeOff
	case errors.Is(err, errTooSlow):
		return errTooSlow
	}
	return errNotHTTP
}
