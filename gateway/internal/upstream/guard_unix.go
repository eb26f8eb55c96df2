//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package upstream

import (
	"errors"
	"syscall"
)

// guard looks at a socket without reading from it and without blocking.
type guard struct {
	socket syscall.RawConn
	look   func(fd uintptr) // made once: a closure for every look would be garbage
	quiet  bool
}

func newGuard(c syscall.Conn) (*guard, error) {
	socket, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	g := &guard{socket: socket}
	var one [1]byte
	g.look = func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		// No error is a byte that waits, or the end of the stream. Interrupted is not an answer: better one connection too
		// many than one guess.
		g.quiet = errors.Is(err, syscall.EAGAIN)
	}
	return g, nil
}

// isQuiet reports whether the socket is open and no byte waits in it.
func (g *guard) isQuiet() bool {
	g.quiet = false
	return g.socket.Control(g.look) == nil && g.quiet
}
