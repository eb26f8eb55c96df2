package upstream

import (
	"bytes"
	"errors"
	"net"
	"sync/atomic"
)

// Upgraded is a connection that speaks another protocol than HTTP. It is a net.Conn as safe for concurrent use as any,
// but for Read, which is for one goroutine at a time.
type Upgraded struct {
	net.Conn
	places *places
	holder Holder
	behind []byte // what the upstream sent right behind its answer
	closed atomic.Bool
}

// Upgrade ends HTTP on the connection. It may be called after AwaitHead has returned a head of 101, and ends the
// exchange: the head is no longer valid. The connection takes one of MaxWebSockets until it is closed; the deadlines that
// it has are those of the exchange.
func (x Exchange) Upgrade() (*Upgraded, error) {
	c := x.in(switched, switched)
	if c == nil || !c.serial.CompareAndSwap(x.serial, x.serial+1) {
		return nil, ErrState
	}
	return &Upgraded{Conn: c.Conn, places: c.places, holder: c.holder, behind: bytes.Clone(buffered(c.reader))}, nil
}

// Read returns first what the upstream sent right behind its answer.
func (u *Upgraded) Read(p []byte) (int, error) {
	if len(u.behind) == 0 {
		return u.Conn.Read(p)
	}
	n := copy(p, u.behind)
	if u.behind = u.behind[n:]; len(u.behind) == 0 {
		u.behind = nil
	}
	return n, nil
}

// CloseWrite ends what is sent. The upstream may still send.
func (u *Upgraded) CloseWrite() error {
	if closer, ok := u.Conn.(interface{ CloseWrite() error }); ok {
		return closer.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the connection and gives its place back to the pool. Only the first call does anything.
func (u *Upgraded) Close() error {
	if !u.closed.CompareAndSwap(false, true) {
		return net.ErrClosed
	}
	err := u.Conn.Close()
	u.places.leave(u.holder)
	return err
}
