package upstream

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/gateway/internal/http1"
	"gatehouse/gateway/internal/panics"
)

// Body is the body of a request as its caller sends it. One goroutine uses it at a time.
type Body interface {
	// Read waits only for the first bytes. io.EOF stands for the end of the body, and only for that. Every other error is
	// the caller's and ends the exchange, which returns it as it is. A Read that waits ends with the read deadline of the
	// caller's connection.
	io.Reader
	// IsChunked holds for a body whose length the request does not say.
	IsChunked() bool
	// HasEnded reports whether the body was read to its end, its trailers included.
	HasEnded() bool
	// AppendTrailers adds the trailers that the upstream is told, as lines of a header. It is called after the end.
	AppendTrailers(dst []byte) []byte
	// Panicked is told of a panic in the goroutine that reads it. The exchange returns it as it returns errors of the body,
	// where it still has one to return.
	Panicked(err error)
}

// AppendPart adds the next part of a body to dst, up to its capacity, framed as it goes to the upstream: a body of known
// length as it is, any other in chunks of its own. dst has room for a chunk and for the end of the body. It waits only for
// the first bytes of the part, and returns the errors of the body.
func AppendPart(dst []byte, b Body) ([]byte, error) {
	at := len(dst)
	if !b.IsChunked() {
		n, err := b.Read(dst[at:cap(dst)])
		return dst[:at+n], err
	}
	n, err := b.Read(dst[at+http1.ChunkRoom : cap(dst)-len("\r\n")])
	switch {
	case errors.Is(err, io.EOF):
		dst = b.AppendTrailers(append(dst, http1.LastChunk...))
		return append(dst, "\r\n"...), nil
	case err != nil:
		return dst, err
	}
	framed := http1.FrameChunk(dst[at : at+http1.ChunkRoom+n])
	return append(dst, framed...), nil
}

// upload sends the rest of a request's body while the answer is waited for, in a goroutine of its own: an upstream may
// answer before it has read everything, or instead.
type upload struct {
	body   Body // nil: the whole request was sent at once
	caller net.Conn
	to     *conn
	isLast atomic.Bool // nothing is left but the write that may be under way

	done chan struct{} // the rest is to be read when it is closed
	// refused is what is wrong with the caller's body, broken why the upstream could not be written to.
	refused error
	broken  error
	endedAt time.Time
}

// start goes on with a body of which the first part was sent. The upload has to be stopped.
func (u *upload) start(body Body, to *conn) {
	u.body, u.caller, u.to, u.done = body, to.waiting.caller, to, make(chan struct{})
	u.refused, u.broken = nil, nil
	u.isLast.Store(false)
	go u.run()
}

func (u *upload) run() {
	if err := panics.Do(u.send); err != nil {
		u.refused = err
		u.body.Panicked(err)
	}
	u.endedAt = time.Now()
	to, endedAt, failed := u.to, u.endedAt, u.refused != nil || u.broken != nil
	close(u.done) // u may be another exchange's from here on, unless this one failed
	if failed {
		_ = to.Conn.SetReadDeadline(endedAt) // whoever waits for the answer has to know
	}
}

func (u *upload) send() {
	buffer := uploadBuffers.Get().(*uploadBuffer)
	defer uploadBuffers.Put(buffer)
	for u.broken == nil && !u.isLast.Load() {
		part, err := AppendPart(buffer[:0:cap(buffer)], u.body)
		if err != nil {
			u.refused = err
			return
		}
		u.isLast.Store(u.body.HasEnded())
		_, u.broken = u.to.send(part, time.Now())
	}
}

// isRunning is false for a request that was sent as a whole.
func (u *upload) isRunning() bool {
	if u.body == nil {
		return false
	}
	select {
	case <-u.done:
		return false
	default:
		return true
	}
}

// isComplete reports whether the upstream was given the whole request. While the last write is under way it waits for
// that, so that the answer is not taken for an early one.
func (u *upload) isComplete() bool {
	if u.body == nil {
		return true
	}
	if u.isLast.Load() {
		select {
		case <-u.done:
		case <-time.After(pollInterval):
			return false
		}
	}
	return !u.isRunning() && u.refused == nil && u.broken == nil
}

// stop ends the upload, if there is one, wherever it is. One that was under way leaves neither connection good for
// anything: the caller's is interrupted, and the upstream's closed.
func (u *upload) stop() {
	if u.body == nil {
		return
	}
	if u.isRunning() {
		if u.caller != nil {
			_ = u.caller.SetReadDeadline(time.Now()) // nobody sets another
		}
		_ = u.to.Close()
	}
	<-u.done
	u.body, u.caller = nil, nil
}

// uploadBuffer holds a part of a body with its framing.
type uploadBuffer [32 << 10]byte

var uploadBuffers = sync.Pool{New: func() any { return new(uploadBuffer) }}
