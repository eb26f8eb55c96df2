package upstream

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/gateway/internal/http1"
)

// upload sends the rest of a request's body while the answer is waited for, in a goroutine of its own: an upstream may
// answer before it has read everything, or instead.
type upload struct {
	body      callerBody
	caller    net.Conn
	to        *conn
	announced []byte // names of trailers
	received  atomic.Int64
	isLast    atomic.Bool // nothing is left but the write that may be under way

	done chan struct{} // the rest is to be read when it is closed
	// refused is what is wrong with the caller's body, broken why the upstream could not be written to.
	refused error
	broken  error
	endedAt time.Time
}

// startUpload goes on with a body of which the first part was sent. The upload has to be waited for or stopped.
func (c *conn) startUpload(body *callerBody, announced []byte) {
	u := &upload{body: *body, caller: c.waiting.caller, to: c, announced: announced, done: make(chan struct{})}
	u.received.Store(body.read)
	c.waiting.upload = u
	go u.run()
}

func (u *upload) run() {
	u.send()
	u.endedAt = time.Now()
	close(u.done)
	if u.refused != nil || u.broken != nil {
		_ = u.to.Conn.SetReadDeadline(u.endedAt) // whoever waits for the answer has to know
	}
}

func (u *upload) send() {
	buffer := bodyBuffers.Get().(*bodyBuffer)
	defer bodyBuffers.Put(buffer)
	for u.broken == nil && !u.isLast.Load() {
		part, err := u.body.appendPart(buffer[:0:cap(buffer)], u.announced)
		u.received.Store(u.body.read)
		if err != nil {
			u.refused = err
			return
		}
		u.isLast.Store(u.body.hasEnded())
		u.broken = u.to.send(part, time.Now())
	}
}

// isRunning is false for a request that was sent as a whole.
func (u *upload) isRunning() bool {
	if u == nil {
		return false
	}
	select {
	case <-u.done:
		return false
	default:
		return true
	}
}

// isComplete reports whether the upstream was given the whole request. An upload that was only just not over is waited
// for, so that what came back is not taken for an early answer.
func (u *upload) isComplete() bool {
	if u == nil {
		return true
	}
	if u.isLast.Load() {
		select {
		case <-u.done:
		case <-time.After(slice):
			return false
		}
	}
	return !u.isRunning() && u.refused == nil && u.broken == nil
}

// stop ends an upload wherever it is. Neither connection is good for anything then.
func (u *upload) stop() {
	if u == nil {
		return
	}
	if u.isRunning() {
		_ = u.caller.SetReadDeadline(time.Now()) // nobody sets another
		_ = u.to.Close()
	}
	<-u.done
}

// bodyBuffer holds a part of a body with its framing.
type bodyBuffer [32 << 10]byte

var bodyBuffers = sync.Pool{New: func() any { return new(bodyBuffer) }}

// appendPart adds the next part of the body to dst, up to its capacity, framed as it goes to the upstream: a body of
// known length as it is, any other in chunks of the gateway's own making. It waits only for the first bytes of it.
func (b *callerBody) appendPart(dst, announced []byte) ([]byte, error) {
	at := len(dst)
	if !b.isChunked() {
		n, err := b.Read(dst[at:cap(dst)])
		return dst[:at+n], err
	}
	n, err := b.Read(dst[at+http1.ChunkRoom : cap(dst)-len("\r\n")])
	switch {
	case errors.Is(err, io.EOF):
		return appendLastChunk(dst, b.chunks.Trailers(), announced), nil
	case err != nil:
		return nil, err
	}
	framed := http1.FrameChunk(dst[at : at+http1.ChunkRoom+n])
	return append(dst, framed...), nil
}

func appendLastChunk(dst, trailers, announced []byte) []byte {
	dst = append(dst, http1.LastChunk...)
	dst = appendTrailers(dst, trailers, announced)
	return append(dst, "\r\n"...)
}
