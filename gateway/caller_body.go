package gateway

import (
	"errors"
	"io"
	"math"
	"net"
	"os"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/http1"
	"gatehouse/gateway/internal/upstream"
)

// callerBody reads the body of a request as its header frames it, and not a byte further: what follows is the caller's
// next request. The zero value is the body of a request that has none.
type callerBody struct {
	stream io.Reader // nil: there is no body
	size   int64     // -1: chunked
	limit  int64     // or NoLimit
	chunks http1.Chunks
	read   int64 // bytes of the body so far
	one    [1]byte
	caller net.Conn
	// panicked is what ended the goroutine that read it, after the answer had begun.
	panicked error
	// announced are the names of the trailers that pass.
	announced []byte
}

var _ upstream.Body = (*callerBody)(nil)

// errUnbound is a fasthttp server that Bind was not called for. Such a server reads chunks itself, and takes the end of the
// connection for the end of the body.
var errUnbound = errors.New("the server was not bound to the gateway")

// open begins with the body of ctx. It refuses a body that is announced to be larger than limit.
func (b *callerBody) open(ctx *fasthttp.RequestCtx, limit int64) error {
	*b = callerBody{}
	if !ctx.Request.IsBodyStream() {
		if len(ctx.Request.Body()) > 0 {
			return errUnbound
		}
		return nil
	}
	switch size := ctx.Request.Header.ContentLength(); size {
	case rawChunks:
		b.size, b.chunks.Strict = -1, true
	case 0:
		return nil
	default:
		if size < 0 {
			return errUnbound
		}
		b.size = int64(size)
	}
	if isAbove(b.size, limit) {
		return errBodyTooLarge
	}
	b.stream, b.limit, b.caller = ctx.Request.BodyStream(), limit, ctx.Conn()
	return nil
}

// waits counts how often the caller had to be waited for. On a connection that does not tell, that is for each part.
func (b *callerBody) waits() uint64 {
	if counted, ok := b.caller.(interface{ Waits() uint64 }); ok {
		return counted.Waits()
	}
	return uint64(b.read)
}

func isAbove(size, limit int64) bool { return limit != NoLimit && size > limit }

// IsChunked implements upstream.Body.
func (b *callerBody) IsChunked() bool { return b.size < 0 }

// HasEnded implements upstream.Body.
func (b *callerBody) HasEnded() bool {
	return b.stream == nil || b.read == b.size || b.chunks.Ended()
}

// Read implements upstream.Body: it waits for the next part. Every error but io.EOF is a refusal, after which the caller's
// connection is out of step.
func (b *callerBody) Read(p []byte) (int, error) {
	if b.HasEnded() {
		return 0, io.EOF
	}
	n, err := b.readPart(p)
	b.read += int64(n)
	if isAbove(b.read, b.limit) {
		return 0, errBodyTooLarge
	}
	return n, err
}

// Panicked implements upstream.Body.
func (b *callerBody) Panicked(err error) { b.panicked = err }

// AppendTrailers implements upstream.Body.
func (b *callerBody) AppendTrailers(dst []byte) []byte {
	return header.AppendTrailers(dst, b.chunks.Trailers(), b.announced)
}

func (b *callerBody) readPart(p []byte) (int, error) {
	if !b.IsChunked() {
		return b.readSome(p[:min(int64(len(p)), b.size-b.read)])
	}
	for !b.chunks.Ended() {
		if left := b.chunks.DataLeft(); left > 0 {
			n, err := b.readSome(p[:min(int64(len(p)), left)])
			b.chunks.Take(n)
			return n, err
		}
		if _, err := b.readSome(b.one[:]); err != nil {
			return 0, err
		}
		if _, _, err := b.chunks.Decode(b.one[:]); err != nil {
			return 0, errMalformedRequest
		}
	}
	var trailers header.Fields
	if err := trailers.Parse(b.chunks.Trailers()); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

// readSome reads at least one byte. fasthttp reports the end of the body when the connection ended too early.
func (b *callerBody) readSome(p []byte) (int, error) {
	n, err := b.stream.Read(p)
	switch {
	case n > 0:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, errRequestTimeout
	default:
		return 0, errMalformedRequest // or cut off, which leaves nobody to be told
	}
}

// ReadBody returns the whole body of a request to a handler that is not the gateway, on a server that Bind was called
// for. It refuses what the gateway would refuse, and more than limit bytes; ErrorHandler answers the error.
func ReadBody(ctx *fasthttp.RequestCtx, limit int) ([]byte, error) {
	var b callerBody
	if err := b.open(ctx, int64(limit)); err != nil {
		return nil, err
	}
	return io.ReadAll(&b)
}

// rawChunks is the length that fasthttp is told of a chunked body, so that it leaves the chunks alone. No request can
// announce it: http1.ParseLength refuses it at the listener.
const rawChunks = math.MaxInt
