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

// Listener is a net.Listener over TCP that bounds its callers. It knows on which connections nothing was ever received:
// browsers and load balancers open some in advance, and fasthttp would take each for a request that is being read, and
// wait for it. It is safe for concurrent use.
//
// Its connections give out one request at a time, and implement more of net.TCPConn than net.Conn has:
//
//   - SetDeadline with the zero time says that the connection was hijacked, as fasthttp does. It is a tunnel from then on,
//     and gives out what is received as it came.
//   - SyscallConn is the socket's, also under TLS.
//   - SetLinger(0) makes Close a reset, without the end that TLS announces: the caller learns that an answer was cut.
//   - CloseWrite ends one direction of a tunnel.
//   - Close does not block. A caller that is still sending has a second to take its answer; until then the connection
//     counts as open.
//
// With TLS they also have Handshake, which the server calls before it reads, and ConnectionState.
type Listener struct {
	inner    net.Listener
	config   Config
	close    func() error  // once
	slots    chan struct{} // holds one token per open connection
	ended    chan struct{}
	refusals occasional.Warning

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
	}
}

// Accept returns the next connection. It waits while there are as many as there may be, and closes those of an address
// that has too many. It does not wait for a TLS handshake. After Close or Drain the error is net.ErrClosed; a connection
// that is not TCP ends it with another error, and a lack of file descriptors with none: then it waits.
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
		peer := addressOf(tcp.RemoteAddr())
		t := newTransport(tcp, l.config.Timeouts.Write, http1.AddressKey(peer))
		if !l.admit(t, l.config.Exempt != nil && l.config.Exempt(peer)) {
			_ = tcp.SetLinger(0) // nothing of it stays behind
			_ = tcp.Close()
			<-l.slots
			continue
		}
		return l.begin(newConnection(l, t)), nil
	}
}

// begin returns what the server gets. After Drain it is closed already: the server notices, and accepts no more.
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

// addressOf is the same for an IPv4 address on a socket that is for IPv6 as well.
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

// Drain stops accepting like Close, and closes the connections on which nothing was ever received. It does not wait for
// the others: Idle tells when they have ended.
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
