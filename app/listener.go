package app

import (
	"net"
	"sync"
)

// listener is a TCP listener that knows on which of its connections nothing was ever received. Browsers and load
// balancers open some in advance; fasthttp takes each for a request that is being read, and would wait for it.
type listener struct {
	net.Listener
	close func() error // once

	mu      sync.Mutex
	silent  map[*firstRead]struct{}
	drained bool
}

func newListener(inner net.Listener) *listener {
	return &listener{Listener: inner, close: sync.OnceValue(inner.Close), silent: make(map[*firstRead]struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	tcp, ok := accepted.(*net.TCPConn)
	if !ok {
		return accepted, err
	}
	c := &firstRead{TCPConn: tcp, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drained {
		_ = tcp.Close() // the server notices, and accepts no more
		return c, nil
	}
	l.silent[c] = struct{}{}
	return c, nil
}

func (l *listener) Close() error { return l.close() }

// drain stops accepting and closes the silent connections.
func (l *listener) drain() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drained = true
	for c := range l.silent {
		_ = c.TCPConn.Close()
	}
	return l.close()
}

func (l *listener) forget(c *firstRead) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.silent, c)
}

// firstRead is a connection that tells its listener when the first bytes arrive, or that none ever will.
type firstRead struct {
	*net.TCPConn
	listener *listener
	told     bool // used by the reader alone
}

func (c *firstRead) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if !c.told {
		c.told = true
		c.listener.forget(c)
	}
	return n, err
}
