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

// exchange writes one request and reads its answer into response, until deadline. The connection is good for another
// request only if reusable is true; after an error it has to be closed, whatever was sent.
func (c *conn) exchange(head, body []byte, isHead bool, maxBody int, deadline time.Time, response *fasthttp.Response) (reusable bool, err error) {
	if err := c.SetDeadline(deadline); err != nil {
		return false, err
	}
	if _, err := c.Write(head); err != nil {
		return false, err
	}
	if len(body) > 0 {
		if _, err := c.Write(body); err != nil {
			return false, err
		}
	}
	if err := c.readHead(response); err != nil {
		return false, readError(err)
	}
	if !isHead && c.head.hasBody() {
		if err := c.readBody(response, maxBody); err != nil {
			return false, readError(err)
		}
	}
	return c.head.staysOpen(), nil
}

// readHead skips interim answers (RFC 9110 section 15.2).
func (c *conn) readHead(response *fasthttp.Response) error {
	for range maxInterim {
		if err := c.head.read(c.reader, &response.Header); err != nil {
			return err
		}
		switch {
		case c.head.status == fasthttp.StatusSwitchingProtocols:
			return errUpgraded
		case c.head.status >= fasthttp.StatusOK:
			return nil
		}
	}
	return errNotHTTP
}

func (c *conn) readBody(response *fasthttp.Response, limit int) error {
	if err := response.ReadBody(c.reader, limit); err != nil || !c.head.chunked {
		return err
	}
	return skipTrailers(c.reader)
}

// readError keeps the causes that a log may show.
func readError(err error) error {
	var network *net.OpError
	switch {
	case errors.As(err, &network):
		return network
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return errAnswerTooLarge
	case errors.Is(err, errUpgraded):
		return errUpgraded
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errBrokeOff):
		return errBrokeOff
	}
	return errNotHTTP
}
