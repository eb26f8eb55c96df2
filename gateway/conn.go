package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	// readBufferSize also bounds the header of an answer.
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
	if err := c.readHeader(response); err != nil {
		return false, readError(err)
	}
	if !isHead && hasBody(response.StatusCode()) {
		if err := c.readBody(response, maxBody); err != nil {
			return false, readError(err)
		}
	}
	return staysOpen(&response.Header), nil
}

// readHeader skips interim answers (RFC 9110 section 15.2).
func (c *conn) readHeader(response *fasthttp.Response) error {
	for range maxInterim {
		if err := response.Header.Read(c.reader); err != nil {
			return err
		}
		switch status := response.StatusCode(); {
		case status == fasthttp.StatusSwitchingProtocols:
			return errUpgraded
		case status >= fasthttp.StatusOK:
			return nil
		case status < fasthttp.StatusContinue:
			return errNotHTTP
		}
	}
	return errNotHTTP
}

func (c *conn) readBody(response *fasthttp.Response, limit int) error {
	chunked := response.Header.ContentLength() == -1
	if err := response.ReadBody(c.reader, limit); err != nil {
		return err
	}
	if !chunked {
		return nil
	}
	// Trailers may not become header fields, where they could say anything (RFC 9110 section 6.5.1).
	var trailers fasthttp.ResponseHeader
	return trailers.ReadTrailer(c.reader)
}

func hasBody(status int) bool {
	return status != fasthttp.StatusNoContent && status != fasthttp.StatusNotModified
}

// staysOpen holds for HTTP/1.1 unless a Connection field says close among other things, which fasthttp overlooks.
func staysOpen(header *fasthttp.ResponseHeader) bool {
	if header.ConnectionClose() || !header.IsHTTP11() {
		return false
	}
	for _, value := range header.PeekAll(fasthttp.HeaderConnection) {
		if listed(value, []byte("close")) {
			return false
		}
	}
	return true
}

// readError keeps the causes that a log may show.
func readError(err error) error {
	var network *net.OpError
	switch {
	case errors.Is(err, fasthttp.ErrTimeout):
		return os.ErrDeadlineExceeded
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
