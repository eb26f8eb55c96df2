package tunnel

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// bufferSize is how much of each direction is under way: whoever reads slower than the other writes slows it down.
const bufferSize = 8 << 10

// flow is one direction of a tunnel.
type flow struct {
	frames frames
	bytes  atomic.Int64
	// writing is since when a write has been waiting, in nanoseconds since the Unix epoch; 0 when none is.
	writing atomic.Int64
}

var errWrite = errors.New("cannot write to the other end of a tunnel")

// send writes what belongs to no frame.
func (f *flow) send(to io.Writer, p []byte) (int, error) {
	f.writing.Store(time.Now().UnixNano())
	defer f.writing.Store(0)
	return to.Write(p)
}

// relay sends a part of the frames on their way.
func (f *flow) relay(to io.Writer, p []byte) error {
	n, err := f.send(to, p)
	f.bytes.Add(int64(n))
	if err != nil {
		return errWrite
	}
	f.frames.follow(p)
	return nil
}

// copy relays everything until the source ends (io.EOF), fails, or the tunnel is to be closed. What it returns was read and
// not relayed.
func (t *Tunnel) copy(f *flow, to io.Writer, from io.Reader, buffer []byte) ([]byte, error) {
	for {
		n, err := from.Read(buffer)
		if t.ending.Load() != 0 {
			return buffer[:n], err
		}
		if n > 0 {
			t.lastRead.Store(time.Now().UnixNano())
			if err := f.relay(to, buffer[:n]); err != nil {
				return nil, err
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

// copyUp relays what the caller sends, until one of the two ends.
func (t *Tunnel) copyUp() {
	buffer := make([]byte, bufferSize)
	rest, err := t.copy(&t.fromCaller, t.upstream, t.caller, buffer)
	if ending := Ending(t.ending.Load()); ending != HungUp && isOrderly(err) {
		t.closeUpstream(ending, rest, buffer)
	} else {
		t.endOneWay(err, t.upstream)
	}
}

// copyDown relays what the upstream sends, until one of the two ends.
func (t *Tunnel) copyDown() {
	buffer := make([]byte, bufferSize)
	rest, err := t.copy(&t.fromUpstream, t.caller, t.upstream, buffer)
	if ending := Ending(t.ending.Load()); ending != HungUp && isOrderly(err) {
		t.closeCaller(ending, rest, buffer)
	} else {
		t.endOneWay(err, t.caller)
	}
}

// isOrderly holds for a read that was interrupted and for one that came to the end: there is nothing wrong with either
// connection.
func isOrderly(err error) bool {
	var network net.Error
	return err == nil || errors.Is(err, io.EOF) || errors.As(err, &network) && network.Timeout()
}

// endOneWay is called when nothing more can be relayed to one of the ends. That end may say the rest, but not for ever:
// nobody shows that it is still heard.
func (t *Tunnel) endOneWay(err error, to Conn) {
	switch {
	case errors.Is(err, io.EOF) && to.CloseWrite() == nil:
		t.hearOut(to, halfOpenTimeout)
	case errors.Is(err, errWrite):
		t.hearOut(to, lastWordsTimeout)
	default:
		t.cutOff()
	}
}

// hearOut leaves so much time to read from c.
func (t *Tunnel) hearOut(c Conn, timeout time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ending.Load() == 0 && !t.cut {
		_ = c.SetReadDeadline(time.Now().Add(timeout))
	}
}
