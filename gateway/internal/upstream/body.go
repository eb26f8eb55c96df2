package upstream

import (
	"bufio"
	"errors"
	"io"
	"time"

	"gatehouse/gateway/internal/http1"
)

// answerBody reads the body that the head of an answer announces. Its end is reported only when it has arrived as it was
// announced: what was cut never looks complete.
type answerBody struct {
	from    *conn
	framing framing
	left    int64 // where the length is known
	chunks  http1.Chunks
	ended   bool
}

// framing is how the end of a body is found (RFC 9112 section 6.3).
type framing uint8

const (
	byLength framing = iota
	byChunks
	byClose // the end of the connection
)

func (c *conn) newBody() answerBody {
	b := answerBody{from: c, framing: c.head.framing(), left: c.head.length}
	b.ended = b.framing == byLength && b.left == 0
	return b
}

// take returns the next part that has arrived already, nothing when there is none, and io.EOF after the last. It is valid
// until the next call of await.
func (b *answerBody) take() ([]byte, error) {
	for !b.ended {
		arrived := buffered(b.from.reader)
		if len(arrived) == 0 {
			return nil, nil
		}
		part, used, err := b.decode(arrived)
		if err != nil {
			return nil, err
		}
		_, _ = b.from.reader.Discard(used) // which were peeked at
		if len(part) > 0 {
			return part, nil
		}
	}
	return nil, io.EOF
}

func (b *answerBody) decode(arrived []byte) (part []byte, used int, err error) {
	switch b.framing {
	case byChunks:
		part, used, err = b.chunks.Decode(arrived)
		b.ended = b.chunks.Ended()
		return part, used, err
	case byLength:
		used = int(min(int64(len(arrived)), b.left))
		b.left -= int64(used)
		b.ended = b.left == 0
		return arrived[:used], used, nil
	default:
		return arrived, len(arrived), nil
	}
}

// await waits until there is something to take.
func (b *answerBody) await(now time.Time) error {
	if err := b.from.waitFor(now, b.from.pool.settings.IdleTimeout); err != nil {
		return err
	}
	_, err := b.from.reader.Peek(1)
	if b.framing == byClose && errors.Is(err, io.EOF) {
		b.ended = true
		return nil
	}
	return err
}

// readWhole returns the whole body, if it is small: appended to dst when it came in chunks, else part of c.reader and
// valid until something else is read. ok is false, and nothing was read, for a body that is passed on as it arrives.
func (c *conn) readWhole(dst []byte) (body []byte, ok bool, err error) {
	switch c.head.framing() {
	case byLength:
		return c.readLength()
	case byChunks:
		return c.readChunks(dst)
	default:
		return nil, false, nil
	}
}

func (c *conn) readLength() (body []byte, ok bool, err error) {
	if c.head.length > readBufferSize {
		return nil, false, nil
	}
	length := int(c.head.length)
	if c.reader.Buffered() < length {
		c.head.keep()
	}
	for c.reader.Buffered() < length {
		if err := c.waitFor(time.Now(), c.pool.settings.IdleTimeout); err != nil {
			return nil, false, err
		}
		if _, err := c.reader.Peek(c.reader.Buffered() + 1); err != nil {
			return nil, false, c.readError(err)
		}
	}
	body, _ = c.reader.Peek(length) // all of it is there
	_, _ = c.reader.Discard(length)
	return body, true, nil
}

// readChunks takes chunks only when all of them are there: what has not come may be long in coming.
func (c *conn) readChunks(dst []byte) (body []byte, ok bool, err error) {
	var decoder http1.Chunks
	arrived := buffered(c.reader)
	at := 0
	for at < len(arrived) && !decoder.Ended() {
		part, used, err := decoder.Decode(arrived[at:])
		if err != nil {
			return nil, false, badChunks{err}
		}
		dst = append(dst, part...)
		at += used
	}
	if !decoder.Ended() {
		return nil, false, nil
	}
	_, _ = c.reader.Discard(at)
	return dst, true, nil
}

// buffered is what r has and nobody has read.
func buffered(r *bufio.Reader) []byte {
	arrived, _ := r.Peek(r.Buffered())
	return arrived
}
