package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/http1"
	"gatehouse/gateway/internal/upstream"
)

// answerStream forwards the body of an answer as it arrives. fasthttp calls WriteTo after the handler has returned, with
// the head of the answer in its buffer. An error of it ends the caller's connection.
type answerStream struct {
	gateway   *Gateway
	to        *rule
	exchange  upstream.Exchange
	caller    net.Conn
	framing   framing // of what the caller gets
	length    int     // which fasthttp expects
	announced []byte  // names of trailers
	id        []byte  // of the request
}

var _ fasthttp.BodyWriterTo = (*answerStream)(nil)

// framing is how the caller finds the end of a body (RFC 9112 section 6.3).
type framing uint8

const (
	byLength framing = iota
	byChunks
	byClose // the end of the connection
)

// streamAnswer makes ctx answer with the body that the exchange still has. The exchange is the stream's from now on.
func (g *Gateway) streamAnswer(ctx *fasthttp.RequestCtx, r *request, to *rule, x upstream.Exchange, head *upstream.Head) {
	s := &answerStream{gateway: g, to: to, exchange: x, caller: ctx.Conn(), id: append([]byte(nil), r.id...)}
	header := &ctx.Response.Header
	switch {
	case head.Length() >= 0:
		s.framing, s.length = byLength, int(head.Length())
		ctx.Response.SetBodyStream(s, s.length)
	case !r.isHTTP11:
		s.framing = byClose
		ctx.Response.SetBodyStream(s, 0)
		header.Del(fasthttp.HeaderContentLength)
		ctx.SetConnectionClose()
	default:
		s.framing = byChunks
		ctx.Response.SetBodyStream(s, -1)
		// Without a length and with Transfer-Encoding fasthttp leaves the chunks to WriteTo. Its own would send the head, each
		// chunk and the end of the body in segments of their own.
		header.Del(fasthttp.HeaderContentLength)
		if r.takesTrailers() && len(head.Trailer()) > 0 {
			s.announced = appendAnnounced(nil, head.Trailer(), nil)
			_ = header.SetTrailerBytes(s.announced) // fasthttp may refuse some more of them
		}
	}
}

// Read is there for the interface: SupportsBodyWriteTo is true.
func (*answerStream) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

// SupportsBodyWriteTo implements fasthttp.BodyWriterTo.
func (*answerStream) SupportsBodyWriteTo() bool { return true }

// WriteTo implements fasthttp.BodyWriterTo.
func (s *answerStream) WriteTo(to io.Writer) (int64, error) {
	w, ok := to.(*bufio.Writer)
	if !ok {
		return 0, fmt.Errorf("cannot stream to a %T", to)
	}
	if err := s.forward(w); err != nil {
		s.cut(w, err)
		return 0, err
	}
	s.exchange.End()
	return int64(s.length), nil
}

// Close implements io.Closer, for an answer that was not written to its end.
func (s *answerStream) Close() error {
	s.exchange.End()
	return nil
}

// forward leaves the last part in w, so that fasthttp sends the end of the answer with it.
func (s *answerStream) forward(w *bufio.Writer) error {
	for {
		part, err := s.exchange.Take()
		switch {
		case errors.Is(err, io.EOF):
			return s.writeEnd(w)
		case err != nil:
			return err
		case len(part) > 0:
			if err := s.write(w, part); err != nil {
				return upstream.ErrCallerGone
			}
			continue
		}
		if w.Flush() != nil {
			return upstream.ErrCallerGone
		}
		if err := s.exchange.Await(); err != nil {
			return err
		}
	}
}

func (s *answerStream) write(w *bufio.Writer, part []byte) error {
	if s.framing != byChunks {
		_, err := w.Write(part)
		return err
	}
	if len(part)+2*http1.ChunkRoom > w.Available() {
		buffer := chunkBuffers.Get().(*chunkBuffer)
		defer chunkBuffers.Put(buffer)
		_, err := w.Write(http1.FrameChunk(append(buffer[:http1.ChunkRoom], part...)))
		return err
	}
	chunk := strconv.AppendInt(w.AvailableBuffer(), int64(len(part)), 16)
	chunk = append(append(append(chunk, "\r\n"...), part...), "\r\n"...)
	_, err := w.Write(chunk)
	return err
}

func (s *answerStream) writeEnd(w *bufio.Writer) error {
	if s.framing != byChunks {
		return nil
	}
	end := appendTrailers([]byte(http1.LastChunk), s.exchange.Trailers(), s.announced)
	_, err := w.Write(append(end, "\r\n"...))
	return err
}

// chunkBuffer has room for the largest part of an answer and its framing.
type chunkBuffer [20 << 10]byte

var chunkBuffers = sync.Pool{New: func() any { return new(chunkBuffer) }}

// cut ends the caller's connection so that it does not look like the end of the answer. What has come of the answer is
// sent: a caller that got nothing at all might send its request again.
func (s *answerStream) cut(w *bufio.Writer, err error) {
	_ = w.Flush()
	if s.framing == byClose {
		reset(s.caller)
	}
	s.exchange.End()
	s.gateway.answerCut(s.to, err, s.id)
}

// reset makes the caller's connection end with a reset when it is closed. Where the end of the connection is the end of an
// answer, only that shows the caller that the answer was cut.
func reset(caller net.Conn) {
	if secured, ok := caller.(interface{ NetConn() net.Conn }); ok {
		caller = secured.NetConn()
	}
	if tcp, ok := caller.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0)
	}
}
