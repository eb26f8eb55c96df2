package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	readBufferSize = 16 << 10
	maxInterim     = 8
)

// errNotHTTP stands for every answer that cannot be parsed. fasthttp's own errors quote the answer, which belongs to a
// user and not in a log.
var (
	errNotHTTP        = errors.New("the answer is not valid HTTP/1.1")
	errAnswerTooLarge = errors.New("the answer is larger than allowed")
	errUpgraded       = errors.New("the upstream changed protocols without being asked")
)

// conn is one connection to an upstream. It carries one exchange at a time and is not safe for concurrent use.
type conn struct {
	net.Conn
	reader *bufio.Reader
	guard  *guard
	// records is nil without TLS.
	records *recordReader
	head    answerHead // of the last answer
	idleAt  time.Time
}

// dial connects within the deadline of ctx, TLS included.
func (u *upstream) dial(ctx context.Context) (*conn, error) {
	dialer := net.Dialer{Timeout: u.limits.DialTimeout}
	raw, err := dialer.DialContext(ctx, "tcp", u.origin.address)
	if err != nil {
		return nil, err
	}
	tcp, ok := raw.(syscall.Conn)
	if !ok {
		_ = raw.Close()
		return nil, fmt.Errorf("cannot look at a %T", raw)
	}
	c := &conn{Conn: raw}
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
	c.reader = bufio.NewReaderSize(c.Conn, readBufferSize)
	return c, nil
}

// isQuiet reports whether nothing has arrived since the last answer and the upstream has not hung up. Only then may the
// next request be written: bytes that wait would be taken for its answer, and they are someone else's.
func (c *conn) isQuiet() bool {
	return c.reader.Buffered() == 0 && (c.records == nil || c.records.isEmpty(c.Conn)) && c.guard.isQuiet()
}

// send writes the head of a request, a part of its body, or both. After an error the connection has to be closed, whatever
// was sent.
func (c *conn) send(p []byte) error {
	_, err := c.Write(p)
	return err
}

// readHead reads the head of the answer into header and c.head, and skips interim answers (RFC 9110 section 15.2). A
// status of 101 ends the search: what follows it in c.reader and on the connection is not HTTP.
func (c *conn) readHead(header *fasthttp.ResponseHeader) error {
	for range maxInterim {
		if err := c.head.read(c.reader, header); err != nil {
			return readError(err)
		}
		if c.head.isFinal() {
			return nil
		}
	}
	return errNotHTTP
}

// readBody reads the body that c.head announces.
func (c *conn) readBody(response *fasthttp.Response, limit int) error {
	err := response.ReadBody(c.reader, limit)
	if err == nil && c.head.chunked {
		err = skipTrailers(c.reader)
	}
	if err != nil {
		return readError(err)
	}
	return nil
}

// readError keeps the causes that a log may show.
func readError(err error) error {
	var network *net.OpError
	switch {
	case errors.As(err, &network):
		return network
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return errAnswerTooLarge
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errBrokeOff):
		return errBrokeOff
	}
	return errNotHTTP
}
