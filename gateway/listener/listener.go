package listener

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"gatehouse/gateway/internal/http1"
	"gatehouse/gateway/internal/occasional"
)

// Listener is a net.Listener over TCP that bounds its callers. It knows the connections on which nothing was ever received.
// Browsers and load balancers open such connections in advance, and fasthttp's shutdown would wait for each, as for a
// request that is being read; Drain closes them. A Listener is safe for concurrent use.
//
// Its connections give out one request at a time, and have more methods than net.Conn:
//
//   - SetDeadline with the zero time makes the connection a tunnel, which gives out what is received as it came. fasthttp
//     calls it so when a connection is hijacked.
//   - SyscallConn is the socket's, also under TLS.
//   - SetLinger(0) makes Close a reset, without the goodbye of TLS, so that the caller learns that an answer was cut.
//   - CloseWrite ends one direction of a tunnel.
//   - Close does not block. The connection counts as open until it is really closed: a caller that is still sending has a
//     second to take its answer, and one under TLS that takes nothing has five.
//
// With TLS they also have Handshake, which the server calls before it reads, and ConnectionState. A write before the
// handshake is complete fails at once.
type Listener struct {
	inner    net.Listener
	config   Config
	close    func() error  // once
	slots    chan struct{} // holds one token for each open connection
	ended    chan struct{}
	refusals occasional.Warning
	// What a caller has to send of a body, and to take of an answer, in each timeout of those.
	leastBody, leastWrite int64

	mu      sync.Mutex
	silent  map[*connection]struct{}
	open    map[netip.Addr]int // by http1.AddressKey
	drained bool
}

var _ net.Listener = (*Listener)(nil)

// New returns a Listener over inner, which is its own from then on. inner has to accept TCP connections.
func New(inner net.Listener, config Config) *Listener {
	ended := make(chan struct{})
	if config.Counts == nil {
		config.Counts = uncounted{}
	}
	return &Listener{
		inner:  inner,
		config: config,
		close:  sync.OnceValue(func() error { close(ended); return inner.Close() }),
		slots:  make(chan struct{}, config.Limits.MaxConnections()),
		ended:  ended,
		silent: make(map[*connection]struct{}),
		open:   make(map[netip.Addr]int),

		leastBody:  leastIn(config.Timeouts.Body, config.Limits.BodyRate),
		leastWrite: leastIn(config.Timeouts.Write, config.Limits.BodyRate),
	}
}

// Accept returns the next connection. While as many are open as may be, it waits; it closes at once those of an address
// that has too many. It never waits for a peer: not for its TLS handshake, and not for a write or a close of a connection
// on which nothing was received yet. After Close or Drain the error is net.ErrClosed. A connection that is not TCP is an
// error, too; a lack of file descriptors is none, Accept waits for it to end.
//
// The limit of connections is kept here alone. The server must be ready for one more at any time: a connection gives its
// place back when it is closed, which may be before the server is done with it.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		select {
		case l.slots <- struct{}{}:
		case <-l.ended:
			return nil, net.ErrClosed
		}
		tcp, err := acceptPatiently(l.inner)
		if err != nil {
			<-l.slots
			return nil, err
		}
		if c := l.receive(tcp); c != nil {
			return c, nil
		}
	}
}

// receive returns nil for a connection that is not served. That one is closed, and its place is free again.
func (l *Listener) receive(tcp *net.TCPConn) (c net.Conn) {
	defer func() {
		if c == nil {
			_ = tcp.SetLinger(0) // the socket is gone at once, without a wait for the peer
			_ = tcp.Close()
			<-l.slots
		}
	}()
	defer l.contain("accept", nil)
	peer := addressOf(tcp.RemoteAddr())
	t := newTransport(tcp, l.config.Timeouts.Write, l.leastWrite, http1.AddressKey(peer))
	if !l.admit(t, l.config.Exempt != nil && l.config.Exempt(peer)) {
		return nil
	}
	return l.begin(newConnection(l, t))
}

// begin returns what the server gets. After Drain that is closed already: the server notices it, and accepts no more.
func (l *Listener) begin(c *connection) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drained {
		_ = c.transport.TCPConn.Close()
	} else {
		l.silent[c] = struct{}{}
	}
	if l.config.TLS != nil {
		return secure(c, l.config.TLS)
	}
	return c
}

// acceptPatiently waits where fasthttp would end the process: while there are no file descriptors left, or when a caller
// has gone before it was accepted.
func acceptPatiently(inner net.Listener) (*net.TCPConn, error) {
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		accepted, err := inner.Accept()
		if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
			return nil, err
		}
		if err != nil {
			time.Sleep(pause)
			continue
		}
		tcp, ok := accepted.(*net.TCPConn)
		if !ok { // it would have none of the limits
			return nil, errors.Join(fmt.Errorf("cannot serve a %T", accepted), accepted.Close())
		}
		return tcp, nil
	}
}

// admit counts a connection unless its address has as many as it may.
func (l *Listener) admit(t *transport, exempt bool) bool {
	if !l.occupy(t.from, exempt) {
		l.config.Counts.Refused()
		if times, due := l.refusals.Due(); due {
			l.config.Log.Warn("too many connections from one address",
				"address", t.from.String(), "limit", l.config.Limits.ConnectionsPerAddress, "refused", times)
		}
		return false
	}
	l.config.Counts.Opened()
	return true
}

func (l *Listener) occupy(from netip.Addr, exempt bool) bool {
	limit := l.config.Limits.ConnectionsPerAddress
	l.mu.Lock()
	defer l.mu.Unlock()
	if limit > 0 && l.open[from] >= limit && !exempt {
		return false
	}
	l.open[from]++
	return true
}

// release makes room for another connection.
func (l *Listener) release(t *transport) {
	l.mu.Lock()
	if l.open[t.from]--; l.open[t.from] == 0 {
		delete(l.open, t.from)
	}
	l.mu.Unlock()
	l.config.Counts.Closed()
	<-l.slots
}

// addressOf returns an IPv4 address as such, also where the socket is for IPv6 as well.
func addressOf(remote net.Addr) netip.Addr {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Close stops accepting. Connections that are open stay. The second call returns what the first did.
func (l *Listener) Close() error { return l.close() }

// Drain stops accepting, as Close does, and closes the connections on which nothing was ever received. It does not wait for
// the others; Idle reports whether they have ended.
func (l *Listener) Drain() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drained = true
	for c := range l.silent {
		_ = c.transport.TCPConn.Close()
	}
	return l.close()
}

// Idle reports whether no connection is open.
func (l *Listener) Idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open) == 0
}

func (l *Listener) forget(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.silent, c)
}
