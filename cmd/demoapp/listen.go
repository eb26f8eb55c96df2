package demoapp

import (
	"errors"
	"net"
	"strconv"
	"syscall"
)

// Port is where the demo application is when nobody has the port already.
const Port = 8080

// Listen opens the port on the user's own machine, or any free one (moved) where somebody else has it: the redirect URI of a
// client on its user's machine is good at every port. Port 0 is any free one.
func Listen(port int) (listener net.Listener, moved bool, err error) {
	if port == 0 || isFreeOnIPv6(port) { // localhost may be ::1, and a code must not go to whoever listens there
		listener, err = listen(port)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return listener, false, err
		}
	}
	listener, err = listen(0)
	return listener, true, err
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

func isFreeOnIPv6(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(port)))
	if err != nil {
		return !errors.Is(err, syscall.EADDRINUSE) // a machine without IPv6 has nobody there
	}
	_ = listener.Close()
	return true
}

// Origin is where a browser finds what listens there.
func Origin(listener net.Listener) string {
	return "http://localhost:" + strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}
