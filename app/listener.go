package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/app/config"
	"gatehouse/gateway"
)

// listenerConfig is what a listener allows its callers.
type listenerConfig struct {
	limits   config.Limits
	timeouts config.Timeouts
	tls      *tls.Config            // nil: plain HTTP
	exempt   gateway.TrustedProxies // from the limit for one address
	metrics  connectionMetrics
	log      *slog.Logger
}

// connectionMetrics counts connections.
type connectionMetrics struct {
	open             prometheus.Gauge
	refused          prometheus.Counter
	failedHandshakes prometheus.Counter
}

func (m *metrics) connections() connectionMetrics {
	c := connectionMetrics{
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_connections", Help: "Open connections on the public listener.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_connections_refused_total", Help: "Connections that were closed at once because their address had too many.",
		}),
		failedHandshakes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_tls_handshakes_failed_total", Help: "Connections on which no TLS handshake was completed.",
		}),
	}
	m.registry.MustRegister(c.open, c.refused, c.failedHandshakes)
	return c
}

// listener is a TCP listener that bounds the connections it hands out, in all and for each address, and knows on which
// of them nothing was ever received. Browsers and load balancers open some in advance; fasthttp takes each for a request
// that is being read, and would wait for it.
type listener struct {
	net.Listener
	config listenerConfig
	close  func() error  // once
	slots  chan struct{} // holds one token per open connection
	ended  chan struct{}

	mu      sync.Mutex
	silent  map[*connection]struct{}
	open    map[netip.Addr]int // by whom they count for
	drained bool
	refused int       // since warned
	warned  time.Time // of an address with too many
}

func newListener(inner net.Listener, config listenerConfig) *listener {
	ended := make(chan struct{})
	return &listener{
		Listener: inner,
		config:   config,
		close:    sync.OnceValue(func() error { close(ended); return inner.Close() }),
		slots:    make(chan struct{}, connectionLimit(config.limits)),
		ended:    ended,
		silent:   make(map[*connection]struct{}),
		open:     make(map[netip.Addr]int),
	}
}

// Accept waits while there are as many connections as there may be: more callers wait to be accepted. It closes those of
// an address that has too many, and returns none of them. It does not wait for a TLS handshake.
func (l *listener) Accept() (net.Conn, error) {
	for {
		select {
		case l.slots <- struct{}{}:
		case <-l.ended:
			return nil, net.ErrClosed
		}
		tcp, err := acceptPatiently(l.Listener)
		if err != nil {
			<-l.slots
			return nil, err
		}
		peer := addressOf(tcp.RemoteAddr())
		t := newTransport(tcp, l.config.timeouts.Write, household(peer))
		if !l.admit(t, l.config.exempt.Contains(peer)) {
			_ = tcp.SetLinger(0) // nothing of it stays behind
			_ = tcp.Close()
			<-l.slots
			continue
		}
		return l.begin(newConnection(l, t)), nil
	}
}

// begin returns what the server gets. After drain it is closed already: the server notices, and accepts no more.
func (l *listener) begin(c *connection) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drained {
		_ = c.transport.TCPConn.Close()
	} else {
		l.silent[c] = struct{}{}
	}
	if l.config.tls != nil {
		return secure(c, l.config.tls)
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

// warningInterval is how often it is said that an address has too many connections.
const warningInterval = 10 * time.Second

// admit counts a connection unless those that it counts for have as many as they may.
func (l *listener) admit(t *transport, exempt bool) bool {
	limit := l.config.limits.ConnectionsPerAddress
	l.mu.Lock()
	defer l.mu.Unlock()
	if limit > 0 && l.open[t.from] >= limit && !exempt {
		l.config.metrics.refused.Inc()
		l.refused++
		if now := time.Now(); now.Sub(l.warned) >= warningInterval {
			l.config.log.Warn("too many connections from one address", "address", t.from.String(), "limit", limit, "refused", l.refused)
			l.warned, l.refused = now, 0
		}
		return false
	}
	l.open[t.from]++
	l.config.metrics.open.Inc()
	return true
}

// release makes room for another connection.
func (l *listener) release(t *transport) {
	l.mu.Lock()
	if l.open[t.from]--; l.open[t.from] == 0 {
		delete(l.open, t.from)
	}
	l.mu.Unlock()
	l.config.metrics.open.Dec()
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

// household is whom a connection counts for: whoever has an IPv6 address has all of its /64.
func household(peer netip.Addr) netip.Addr {
	if !peer.Is6() {
		return peer
	}
	prefix, _ := peer.Prefix(64)
	return prefix.Addr()
}

func (l *listener) Close() error { return l.close() }

// drain stops accepting and closes the silent connections.
func (l *listener) drain() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drained = true
	for c := range l.silent {
		_ = c.transport.TCPConn.Close()
	}
	return l.close()
}

// isIdle reports whether no connection is open.
func (l *listener) isIdle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open) == 0
}

func (l *listener) forget(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.silent, c)
}
