package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/http1"
)

// answerStream passes the body of an answer on as it arrives. fasthttp calls WriteTo after the handler has returned, with
// the head of the answer in its buffer. An error of it ends the caller's connection.
type answerStream struct {
	gateway   *Gateway
	to        *rule
	c         *conn // nil once it was released
	staysOpen bool
	body      answerBody
	upload    *upload
	caller    net.Conn
	framing   framing // of what the caller gets
	length    int     // which fasthttp expects
	announced []byte  // names of trailers
	id        []byte  // of the request
}

var _ fasthttp.BodyWriterTo = (*answerStream)(nil)

// stream makes ctx answer with what c still has to say. The connection is the stream's from now on.
func (g *Gateway) stream(ctx *fasthttp.RequestCtx, r *request, to *rule, c *conn) {
	s := &answerStream{
		gateway: g, to: to, c: c, staysOpen: c.head.staysOpen(), body: c.body(), upload: c.waiting.upload,
		caller: ctx.Conn(), id: append([]byte(nil), r.id...),
	}
	header := &ctx.Response.Header
	switch {
	case s.body.framing == byLength:
		s.framing, s.length = byLength, c.head.length
		ctx.Response.SetBodyStream(s, s.length)
	case !r.isHTTP11:
		s.framing = byClose
		ctx.Response.SetBodyStream(s, 0)
		header.Del(fasthttp.HeaderContentLength)
		ctx.SetConnectionClose()
	default:
		s.framing = byChunks
		ctx.Response.SetBodyStream(s, -1)
		// Transfer-Encoding is left, and a length of 0: fasthttp leaves the chunks to WriteTo. It would send the head, each
		// chunk and the end of the body in segments of their own.
		header.Del(fasthttp.HeaderContentLength)
		if r.takesTrailers() && len(c.head.trailer) > 0 {
			s.announced = appendAnnounced(nil, c.head.trailer)
			_ = header.SetTrailerBytes(s.announced) // fasthttp may like even less of them
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
	if err := s.pass(w); err != nil {
		s.cut(w, err)
		return 0, err
	}
	s.release(true)
	return int64(s.length), nil
}

// Close implements io.Closer, for an answer that was not written to its end.
func (s *answerStream) Close() error {
	s.release(false)
	return nil
}

// pass leaves what comes last in w, where the end of the answer is added to it.
func (s *answerStream) pass(w *bufio.Writer) error {
	for {
		part, err := s.body.take()
		switch {
		case errors.Is(err, io.EOF):
			return s.writeEnd(w)
		case err != nil:
			return readError(err)
		case len(part) > 0:
			if err := s.write(w, part); err != nil {
				return errCallerGone
			}
			continue
		}
		if w.Flush() != nil {
			return errCallerGone
		}
		if err := s.body.await(time.Now()); err != nil {
			return readError(err)
		}
	}
}

func (s *answerStream) write(w *bufio.Writer, part []byte) error {
	if s.framing != byChunks {
		_, err := w.Write(part)
		return err
	}
	if len(part)+2*http1.ChunkRoom > w.Available() {
		buffer := bodyBuffers.Get().(*bodyBuffer)
		defer bodyBuffers.Put(buffer)
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
	_, err := w.Write(appendLastChunk(nil, s.body.chunks.Trailers(), s.announced))
	return err
}

// cut ends the caller's connection in a way that does not look like the end of the answer. What there is of the answer is
// sent: a caller that got nothing at all might send its request again.
func (s *answerStream) cut(w *bufio.Writer, err error) {
	_ = w.Flush()
	if s.framing == byClose {
		reset(s.caller)
	}
	s.release(false)
	s.gateway.answerCut(s.to, err, s.id)
}

func (s *answerStream) release(isWhole bool) {
	if s.c == nil {
		return
	}
	isComplete := s.upload.isComplete()
	s.upload.stop()
	s.to.upstream.release(s.c, isWhole && isComplete && s.staysOpen)
	s.c = nil
}
