package gateway

import (
	"io"
	"net"
	"time"
)

// Ending is why a WebSocket ended.
type Ending uint8

// The endings.
const (
	// HungUp is when one of the two ends closed the WebSocket or the connection, or no longer took anything.
	HungUp Ending = iota
	TokenExpired
	// TokenRevoked is also when the token's key was withdrawn.
	TokenRevoked
	// TokenUnknown is when it could not be told for too long whether the token was revoked, and the route denies then.
	TokenUnknown
	// Silent is when nothing has passed for the route's idle timeout.
	Silent
	// Stopping is when the gateway was drained.
	Stopping

	endings = iota
)

var endingNames = [endings]string{"hung_up", "token_expired", "token_revoked", "token_unknown", "silent", "stopping"}

// String is a word in lower case.
func (e Ending) String() string { return endingNames[e] }

// The codes of Close frames (RFC 6455 section 7.4). The private ones are the HTTP status that a request would get.
const (
	codeGoingAway = 1001
	codePolicy    = 1008
	codeTryAgain  = 1013 // registered with IANA
	codeNoToken   = 4401
)

// closing is what a Close frame says to each of the two ends.
type closing struct{ toClient, toUpstream []byte }

func newClosing(clientCode, upstreamCode uint16, reason string) closing {
	return closing{closeFrame(clientCode, reason, false), closeFrame(upstreamCode, reason, true)}
}

// closings are made once. The upstream learns the reason too: it may hold something for its user.
var closings = [endings]closing{
	TokenExpired: newClosing(codeNoToken, codePolicy, "token expired"),
	TokenRevoked: newClosing(codeNoToken, codePolicy, "token revoked"),
	TokenUnknown: newClosing(codeTryAgain, codeGoingAway, "token cannot be checked"),
	Silent:       newClosing(codeGoingAway, codeGoingAway, "idle"),
	Stopping:     newClosing(codeGoingAway, codeGoingAway, "server is stopping"),
}

const (
	// frameWait is how long the end of a frame is awaited before the connection is cut without a Close.
	frameWait = 300 * time.Millisecond
	// closeWait is how long both ends have to answer a Close.
	closeWait = 1500 * time.Millisecond
	// beginTimeout is how long after the upstream's 101 the caller's connection must have been handed over, unless the caller
	// is still there: then the machine is busy.
	beginTimeout = 2 * time.Second
	// halfOpenTimeout is how long one end may go on after the other has ended.
	halfOpenTimeout = 10 * time.Second
	// lastWordsTimeout is how long one end is heard that takes nothing any more: it may have said why.
	lastWordsTimeout = time.Second
	// stallTimeout is how long one end may take nothing of what is sent to it.
	stallTimeout = 60 * time.Second
)

var longAgo = time.Unix(1, 0)

// end closes the tunnel with a Close frame to each end. It does not block and may be called at any time; what counts is
// the first call.
func (t *Tunnel) end(why Ending) {
	t.mu.Lock()
	begun := t.client != nil
	if t.over || !t.ending.CompareAndSwap(uint32(HungUp), uint32(why)) {
		t.mu.Unlock()
		return
	}
	if begun {
		now := time.Now()
		t.closeBy = now.Add(closeWait)
		for _, c := range []net.Conn{t.client, t.upstream} {
			_ = c.SetReadDeadline(longAgo)
			_ = c.SetWriteDeadline(now.Add(frameWait))
		}
	}
	t.over = !begun
	t.mu.Unlock()
	if !begun {
		t.finish()
	}
}

// cutOff ends the tunnel at once: nothing in it waits any more. It does not block.
func (t *Tunnel) cutOff() {
	t.mu.Lock()
	abandoned := t.client == nil && !t.over
	switch {
	case abandoned:
		t.over = true
	case !t.over:
		t.cut = true
		_ = t.client.SetDeadline(longAgo)
		_ = t.upstream.SetDeadline(longAgo)
	}
	t.mu.Unlock()
	if abandoned {
		t.finish()
	}
}

// readUntilClosed lets a tunnel that ends read from c again, until it has to be closed or that much earlier.
func (t *Tunnel) readUntilClosed(c net.Conn, earlier time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.cut {
		_ = c.SetReadDeadline(t.closeBy.Add(-earlier))
	}
}

// closeClient lets the frame under way end, says Close to the caller, and hears the upstream out so that its connection
// ends in order. rest is what was read from the upstream and not passed on.
func (t *Tunnel) closeClient(why Ending, rest, buffer []byte) {
	f := &t.fromUpstream
	t.readUntilClosed(t.upstream, closeWait-frameWait)
	for !f.frames.atBoundary() {
		if len(rest) == 0 {
			n, err := t.upstream.Read(buffer)
			if n == 0 && err != nil {
				t.cutOff()
				return
			}
			rest = buffer[:n]
			continue
		}
		ahead := f.frames // pass takes note of it in the end
		n := ahead.next(rest)
		if f.pass(t.client, rest[:n]) != nil {
			t.cutOff()
			return
		}
		rest = rest[n:]
	}
	if !f.frames.closed && f.pass(t.client, closings[why].toClient) != nil {
		t.cutOff()
		return
	}
	t.readUntilClosed(t.upstream, 0)
	_, _ = io.Copy(io.Discard, t.upstream)
}

// closeUpstream passes on nothing more of what the caller sends, and waits for it to answer the Close. rest is what was
// read from it and not passed on. An upstream in the middle of a frame sees its connection end there.
func (t *Tunnel) closeUpstream(why Ending, rest, buffer []byte) {
	f := &t.fromClient
	if f.frames.atBoundary() && !f.frames.closed {
		_, _ = t.upstream.Write(closings[why].toUpstream)
	}
	_ = t.endUpstream()
	t.readUntilClosed(t.client, 0)
	for {
		f.frames.pass(rest)
		if f.frames.closed && f.frames.atBoundary() {
			return
		}
		n, err := t.client.Read(buffer)
		if err != nil {
			return
		}
		rest = buffer[:n]
	}
}
