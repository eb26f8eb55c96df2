package upstream

import (
	"net"
	"syscall"
)

// hasGone reports whether the caller has closed the connection, without reading from it: what it has sent before that is
// not lost, and under TLS it is not the gateway's to read. A caller that closes only its own half counts as gone.
func hasGone(caller net.Conn) bool {
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

// reset makes the caller's connection end with a reset when it is closed: the only way to show a caller that an answer
// was cut whose end is that of the connection.
func reset(caller net.Conn) {
	if secured, ok := caller.(interface{ NetConn() net.Conn }); ok {
		caller = secured.NetConn()
	}
	if tcp, ok := caller.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0)
	}
}
