package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"gatehouse/cmd/demoapp"
)

// listeners are open before anything else is built, since the issuer and the routes name their ports.
type listeners struct {
	wallet, public net.Listener
	demo           net.Listener // of the demo application, on another port when its own is taken
	demoMoved      bool
	admin          net.Listener // on any port: the mock server has the admin API on its public address too
}

func openListeners(s settings) (open listeners, err error) {
	defer func() {
		if err != nil {
			open.close()
		}
	}()
	if open.wallet, err = listen("MOCK_SERVER_PORT", s.walletPort); err != nil {
		return open, err
	}
	if open.public, err = listen("PORT", s.port); err != nil {
		return open, err
	}
	if open.demo, open.demoMoved, err = demoapp.Listen(s.demoPort); err != nil {
		return open, fmt.Errorf("demo application: %w", err)
	}
	open.admin, err = listen("", 0)
	return open, err
}

// listen opens a port on the loopback address; the setting is for the error.
func listen(setting string, port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d is taken: set %s to another port, or to 0 for any free one", port, setting)
	}
	return listener, err
}

func (l listeners) publicPort() string {
	return strconv.Itoa(l.public.Addr().(*net.TCPAddr).Port)
}

// close closes those that are still open.
func (l listeners) close() {
	for _, listener := range []net.Listener{l.wallet, l.public, l.demo, l.admin} {
		if listener != nil {
			_ = listener.Close() // it may be closed already, by its server
		}
	}
}
