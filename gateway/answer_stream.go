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

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/http1"
	"gatehouse/gateway/internal/panics"
	"gatehouse/gateway/internal/upstream"
	"gatehouse/keys"
)

// answerStream forwards the body of an answer as it arrives. fasthttp calls WriteTo after the handler has returned, with
// the head of the answer in its buffer. An error of it ends the caller's connection.
type answerStream struct {
	gateway   *Gateway
	to        *rule
	exchange  upstream.Exchange
	ctx       *fasthttp.RequestCtx
	id        string  // of the request
	framing   framing // of what the caller gets
	length    int     // which fasthttp expects
	announced []byte  // names of trailers
	begun     []byte  // of the body, that was taken already

	claims  *keys.Claims
	lasting *lasting // nil until it has lasted for a while

	sent     int64       // of the answer's body
	received int64       // of the request's, before
	upload   *callerBody // what is left of it; nil: nothing
	isServed bool        // and the observer waits for the end
	hasEnded bool
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
	s := &answerStream{
		gateway: g, to: to, exchange: x, ctx: ctx, id: string(r.id), claims: r.seen.Claims, lasting: r.lasting,
		received: int64(r.seen.Received), upload: r.upload,
	}
	r.stream, r.seen.Streams = s, true
	if x.WatchedBy(s); s.lasting != nil {
		s.lasting.giveTo(ctx.Conn())
	}
	response := &ctx.Response
	switch {
	case head.Length() >= 0:
		s.framing, s.length = byLength, int(head.Length())
		response.SetBodyStream(s, s.length)
	case !r.isHTTP11:
		s.framing = byClose
		response.SetBodyStream(s, 0)
		response.Header.Del(fasthttp.HeaderContentLength)
		ctx.SetConnectionClose()
	default:
		s.framing = byChunks
		response.SetBodyStream(s, -1)
		// Without a length and with Transfer-Encoding fasthttp leaves the chunks to WriteTo. Its own would send the head, each
		// chunk and the end of the body in segments of their own.
		response.Header.Del(fasthttp.HeaderContentLength)
		if r.takesTrailers() && len(head.Trailer()) > 0 {
			s.announced = header.AppendAnnounced(nil, head.Trailer(), nil)
			_ = response.Header.SetTrailerBytes(s.announced) // fasthttp may refuse some more of them
		}
	}
}

// Read is there for the interface: SupportsBodyWriteTo is true.
func (*answerStream) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

// SupportsBodyWriteTo implements fasthttp.BodyWriterTo.
func (*answerStream) SupportsBodyWriteTo() bool { return true }

// WriteTo implements fasthttp.BodyWriterTo.
func (s *answerStream) WriteTo(to io.Writer) (n int64, err error) {
	defer panics.Catch(&err) // of the caller's connection
	w, ok := to.(*bufio.Writer)
	if !ok {
		return 0, fmt.Errorf("cannot stream to a %T", to)
	}
	err = s.forward(w)
	if err != nil {
		s.cut(w)
	}
	s.end(err)
	return int64(s.length), err
}

// Close implements io.Closer, for an answer that was not written.
func (s *answerStream) Close() error {
	s.end(upstream.ErrCallerGone)
	return nil
}

// end is called whatever became of the answer. Only the first call does anything.
func (s *answerStream) end(err error) {
	if s.hasEnded {
		return
	}
	s.hasEnded = true
	s.lasting.stop()
	s.exchange.End()
	end := AnswerEnd{Sent: s.sent, Received: s.received}
	if s.upload != nil {
		end.Received = s.upload.read
		s.gateway.logPanic(s.upload.panicked, s.to.name, logged(s.id))
	}
	if err != nil {
		if end.Cut = s.lasting.wasCut(); end.Cut == NotCut {
			end.Failure = s.gateway.answerFailed(s.to, err, s.id)
		}
	}
	if s.isServed && s.gateway.observer != nil {
		err := panics.Do(func() { s.gateway.observer.Streamed(s.ctx, end) })
		s.gateway.logPanic(err, s.to.name, logged(s.id))
	}
}

// forward leaves the last part in w, so that fasthttp sends the end of the answer with it.
func (s *answerStream) forward(w *bufio.Writer) (err error) {
	defer panics.Catch(&err)
	if len(s.begun) > 0 {
		if err := s.writeAll(w, s.begun); err != nil {
			return upstream.ErrCallerGone
		}
	}
	for {
		if s.lasting.wasCut() != NotCut {
			return errCut
		}
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

// writeAll writes what may be longer than a chunk of ours.
func (s *answerStream) writeAll(w *bufio.Writer, body []byte) error {
	for len(body) > 0 {
		part := body[:min(len(body), readAhead)]
		if err := s.write(w, part); err != nil {
			return err
		}
		body = body[len(part):]
	}
	return nil
}

func (s *answerStream) write(w *bufio.Writer, part []byte) error {
	if s.sent += int64(len(part)); s.sent > unwatched {
		s.watch()
	}
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
	end := header.AppendTrailers([]byte(http1.LastChunk), s.exchange.Trailers(), s.announced)
	_, err := w.Write(append(end, "\r\n"...))
	return err
}

// readAhead is less than a chunkBuffer has room for.
const readAhead = 16 << 10

// chunkBuffer has room for the largest part of an answer and its framing.
type chunkBuffer [20 << 10]byte

var chunkBuffers = sync.Pool{New: func() any { return new(chunkBuffer) }}

// cut ends the caller's connection so that it does not look like the end of the answer. What has come of the answer is
// sent: a caller that got nothing at all might send its request again.
func (s *answerStream) cut(w *bufio.Writer) {
	_ = w.Flush()
	if s.framing == byClose {
		reset(s.ctx.Conn())
	}
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
