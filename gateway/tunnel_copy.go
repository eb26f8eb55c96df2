package gateway

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// tunnelBuffer is how much of each direction is under way: whoever reads slower than the other writes slows it down.
const tunnelBuffer = 8 << 10

// flow is one direction of a tunnel.
type flow struct {
	frames frames
	bytes  atomic.Int64
	// writing is since when a write has been waiting, in nanoseconds since the Unix epoch; 0 when none is.
	writing atomic.Int64
}

var errWrite = errors.New("cannot write to the other end of a tunnel")

func (f *flow) send(to io.Writer, p []byte) (int, error) {
	f.writing.Store(time.Now().UnixNano())
	defer f.writing.Store(0)
	return to.Write(p)
}

// pass sends what belongs to frames.
func (f *flow) pass(to io.Writer, p []byte) error {
	n, err := f.send(to, p)
	f.bytes.Add(int64(n))
	if err != nil {
		return errWrite
	}
	f.frames.pass(p)
	return nil
}

// copy passes everything on until the source ends (io.EOF), fails or is interrupted because the tunnel is to end. What it
// returns then was read and not passed on.
func (t *Tunnel) copy(f *flow, to io.Writer, from io.Reader, buffer []byte) ([]byte, error) {
	for {
		n, err := from.Read(buffer)
		if t.ending.Load() != 0 {
			return buffer[:n], err
		}
		if n > 0 {
			t.lastRead.Store(time.Now().UnixNano())
			if err := f.pass(to, buffer[:n]); err != nil {
				return nil, err
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

// copyUp passes on what the caller sends.
func (t *Tunnel) copyUp() {
	buffer := make([]byte, tunnelBuffer)
	rest, err := t.copy(&t.fromClient, t.upstream, t.client, buffer)
	switch ending := Ending(t.ending.Load()); {
	case ending != HungUp && isOrderly(err):
		t.closeUpstream(ending, rest, buffer)
	case errors.Is(err, io.EOF):
		t.halfClosed(t.endUpstream, t.upstream)
	case errors.Is(err, errWrite):
		t.leaveTo(t.upstream, lastWordsTimeout)
	default:
		t.cutOff()
	}
}

// copyDown passes on what the upstream sends.
func (t *Tunnel) copyDown() {
	rest, err := t.behind, error(nil)
	t.behind = nil
	if len(rest) > 0 && t.ending.Load() == 0 {
		rest, err = nil, t.fromUpstream.pass(t.client, rest)
	}
	buffer := make([]byte, tunnelBuffer)
	if err == nil && len(rest) == 0 {
		rest, err = t.copy(&t.fromUpstream, t.client, t.upstream, buffer)
	}
	switch ending := Ending(t.ending.Load()); {
	case ending != HungUp && isOrderly(err):
		t.closeClient(ending, rest, buffer)
	case errors.Is(err, io.EOF) && t.halfClose != nil:
		t.halfClosed(t.halfClose, t.client)
	case errors.Is(err, errWrite):
		t.leaveTo(t.client, lastWordsTimeout)
	default:
		t.cutOff()
	}
}

// isOrderly holds for a read that was interrupted and for one that came to the end: there is nothing wrong with either
// connection.
func isOrderly(err error) bool {
	var network net.Error
	return err == nil || errors.Is(err, io.EOF) || errors.As(err, &network) && network.Timeout()
}

// halfClosed passes on that one end has nothing more to send. The other may say the rest, but not for ever: nobody shows
// that it is still heard.
func (t *Tunnel) halfClosed(closeWrite func() error, other net.Conn) {
	if closeWrite() != nil {
		t.cutOff()
		return
	}
	t.leaveTo(other, halfOpenTimeout)
}

// leaveTo is called when one direction has ended. other is where what goes in the other direction comes from.
func (t *Tunnel) leaveTo(other net.Conn, timeout time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ending.Load() == 0 && !t.cut {
		_ = other.SetReadDeadline(time.Now().Add(timeout))
	}
}

// endUpstream ends what is sent to the upstream.
func (t *Tunnel) endUpstream() error {
	if closer, ok := t.upstream.(halfCloser); ok {
		return closer.CloseWrite()
	}
	return errors.ErrUnsupported
}
