package upstream

import (
	"net"
	"syscall"
)

// HasGone reports whether a caller has closed the connection. It neither blocks nor reads: what the caller sent before is
// not lost, and under TLS it is not the gateway's to read. A caller that closes only its own half counts as gone. Where
// the socket cannot be looked at, nobody has gone.
func HasGone(caller net.Conn) bool {
	socket := socketOf(caller)
	if socket == nil {
		return false
	}
	gone := true // so is a connection that was closed here
	_ = socket.Control(func(fd uintptr) { gone = isHungUp(fd) })
	return gone
}

// socketOf returns the TCP socket below a connection; nil when there is none.
func socketOf(c net.Conn) syscall.RawConn {
	if secured, ok := c.(interface{ NetConn() net.Conn }); ok {
		return socketOf(secured.NetConn())
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
