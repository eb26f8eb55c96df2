package app

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// listener is a TCP listener that knows on which of its connections nothing was ever received. Browsers and load
// balancers open some in advance; fasthttp takes each for a request that is being read, and would wait for it.
type listener struct {
	net.Listener
	close func() error  // once
	slots chan struct{} // holds one token per open connection
	ended chan struct{}

	mu      sync.Mutex
	silent  map[*firstRead]struct{}
	drained bool
}

func newListener(inner net.Listener) *listener {
	ended := make(chan struct{})
	return &listener{
		Listener: inner,
		close:    sync.OnceValue(func() error { close(ended); return inner.Close() }),
		slots:    make(chan struct{}, maxConnections()),
		ended:    ended,
		silent:   make(map[*firstRead]struct{}),
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.ended:
		return nil, net.ErrClosed
	}
	accepted, err := acceptPatiently(l.Listener)
	tcp, ok := accepted.(*net.TCPConn)
	if !ok {
		<-l.slots
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

// acceptPatiently waits where fasthttp would end the process: while there are no file descriptors left, or when a caller
// has gone before it was accepted.
func acceptPatiently(inner net.Listener) (net.Conn, error) {
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		accepted, err := inner.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
			return accepted, err
		}
		time.Sleep(pause)
	}
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
	closed   atomic.Bool
}

// Close makes room for another connection.
func (c *firstRead) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.listener.forget(c)
		<-c.listener.slots
	}
	return c.TCPConn.Close()
}

func (c *firstRead) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if !c.told {
		c.told = true
		c.listener.forget(c)
	}
	return n, err
}
