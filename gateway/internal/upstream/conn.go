package upstream

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	readBufferSize = 16 << 10
	maxInterim     = 8
)

// conn is one connection to an upstream. It carries one exchange at a time. One goroutine reads from it; another may
// write, while there is an upload.
type conn struct {
	net.Conn
	pool   *Pool
	reader *bufio.Reader
	guard  *guard
	// records is nil without TLS.
	records *recordReader
	writeAt time.Time // the write deadline in force
	places  *places   // where the exchange has its place
	holder  Holder    // of the last exchange
	idleAt  time.Time // when it ended

	// serial is the number of the exchange that may use the connection.
	serial atomic.Uint64
	// What follows is of this exchange.
	state   state
	now     time.Time // when it began
	waiting waiting
	upload  upload
	isHead  bool // the request's method is HEAD
	// upgrades says that the upstream was asked for another protocol. It may answer in that at any time.
	upgrades bool
	// untouched says that the upstream has certainly nothing of the request.
	untouched bool
	// early says that the answer began before the request was sent to its end.
	early    bool
	late     bool // Acquire took its time
	reusable bool // the connection, once the answer was read
	head     Head
	body     answerBody
}

// dial connects within the deadline of ctx, TLS included.
func (p *Pool) dial(ctx context.Context) (*conn, error) {
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "tcp", p.origin.Address)
	if err != nil {
		return nil, err
	}
	tcp, ok := raw.(syscall.Conn)
	if !ok {
		_ = raw.Close()
		return nil, fmt.Errorf("cannot look at a %T", raw)
	}
	c := &conn{Conn: raw, pool: p}
	if c.guard, err = newGuard(tcp); err != nil {
		_ = raw.Close()
		return nil, err
	}
	if p.origin.TLS {
		if c.Conn, c.records, err = p.handshake(ctx, raw); err != nil {
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
// the connection has to be closed, whatever was sent; written is then how much at least.
func (c *conn) send(p []byte, now time.Time) (written int, err error) {
	by := earliest(now.Add(c.pool.settings.IdleTimeout), c.waiting.end)
	if c.writeAt.After(by) || by.Sub(c.writeAt) > c.pool.settings.IdleTimeout/8 {
		if err := c.SetWriteDeadline(by); err != nil {
			return 0, err
		}
		c.writeAt = by
	}
	return c.Write(p)
}

// readHead reads the head of the answer into c.head, and skips interim answers (RFC 9110 section 15.2), hints to browsers
// included: not every client expects them. A status of 101 ends the search: what follows it in c.reader and on the
// connection is not HTTP.
func (c *conn) readHead() error {
	for range maxInterim {
		if err := c.head.read(c.reader); err != nil {
			return c.readError(err)
		}
		if c.head.isFinal() {
			return nil
		}
	}
	return ErrNotHTTP
}
