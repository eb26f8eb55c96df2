package tunnel

import (
	"io"
	"time"
)

const (
	// frameWait is how long the rest of a frame is awaited. Then the connection is cut without a Close.
	frameWait = 300 * time.Millisecond
	// closeWait is how long both ends have to answer a Close, frameWait included.
	closeWait = 1500 * time.Millisecond
	// halfOpenTimeout is how long one end may go on after the other has ended.
	halfOpenTimeout = 10 * time.Second
	// lastWordsTimeout is how long an end is heard that takes nothing more: it may have said why.
	lastWordsTimeout = time.Second
)

var longAgo = time.Unix(1, 0)

// end closes the tunnel with a Close frame to each end. It does not block and may be called at any time. The first call
// says why.
func (t *Tunnel) end(why Ending) {
	t.mu.Lock()
	begun := t.caller != nil
	if t.over || !t.ending.CompareAndSwap(uint32(HungUp), uint32(why)) {
		t.mu.Unlock()
		return
	}
	if begun {
		now := time.Now()
		t.closeBy = now.Add(closeWait)
		for _, c := range []Conn{t.caller, t.upstream} {
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
	neverBegan := t.caller == nil && !t.over
	switch {
	case neverBegan:
		t.over = true
	case !t.over:
		t.cut = true
		_ = t.caller.SetDeadline(longAgo)
		_ = t.upstream.SetDeadline(longAgo)
	}
	t.mu.Unlock()
	if neverBegan {
		t.finish()
	}
}

// readUntil lets a tunnel that is closing read from c again, until so long after the closing began.
func (t *Tunnel) readUntil(c Conn, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.cut {
		_ = c.SetReadDeadline(t.closeBy.Add(wait - closeWait))
	}
}

// closeCaller relays the rest of a frame that has begun, sends the caller a Close, and hears the upstream out so that its
// connection ends in order. rest is what was read from the upstream and not relayed.
func (t *Tunnel) closeCaller(why Ending, rest, buffer []byte) {
	f := &t.fromUpstream
	t.readUntil(t.upstream, frameWait)
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
		ahead := f.frames // relay follows them in the end
		n := ahead.next(rest)
		if f.relay(t.caller, rest[:n]) != nil {
			t.cutOff()
			return
		}
		rest = rest[n:]
	}
	if !f.frames.closed && f.relay(t.caller, closings[why].toCaller) != nil {
		t.cutOff()
		return
	}
	t.readUntil(t.upstream, closeWait)
	_, _ = io.Copy(io.Discard, t.upstream)
}

// closeUpstream sends the upstream a Close and nothing more of what the caller says, and waits for the caller to answer its
// own Close. rest is what was read from the caller and not relayed. An upstream in the middle of a frame gets no Close: its
// connection ends there.
func (t *Tunnel) closeUpstream(why Ending, rest, buffer []byte) {
	f := &t.fromCaller
	if f.frames.atBoundary() && !f.frames.closed {
		_, _ = t.upstream.Write(closings[why].toUpstream)
	}
	_ = t.upstream.CloseWrite()
	t.readUntil(t.caller, closeWait)
	for {
		f.frames.follow(rest)
		if f.frames.closed && f.frames.atBoundary() {
			return
		}
		n, err := t.caller.Read(buffer)
		if err != nil {
			return
		}
		rest = buffer[:n]
	}
}
