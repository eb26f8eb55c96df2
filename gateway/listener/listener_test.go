package listener

import (
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
	"gatehouse/gateway/internal/http1"
)

// exhausted has no file descriptor for the first connections that it should accept.
type exhausted struct {
	net.Listener
	failures int
}

func (e *exhausted) Accept() (net.Conn, error) {
	if e.failures > 0 {
		e.failures--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return e.Listener.Accept()
}

var generous = Limits{HeaderSize: 16 << 10, HeaderCount: 100, ConnectionsPerAddress: 100}

func allowing(limits Limits) Config {
	return Config{
		Limits:   limits,
		Timeouts: Timeouts{Header: 10 * time.Second, Body: 30 * time.Second, Write: time.Minute, Idle: 75 * time.Second},
		Log:      slog.New(slog.DiscardHandler),
	}
}

func TestTheListenerOutlivesALackOfFileDescriptors(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := New(&exhausted{Listener: inner, failures: 3}, allowing(generous))
	gatewaytest.Dial(t, inner.Addr().String())
	accepted, err := l.Accept()
	require.NoError(t, err)
	require.NoError(t, accepted.Close())

	require.NoError(t, l.Close())
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// Other connections would be served without the limits.
func TestTheListenerServesTCPAlone(t *testing.T) {
	inner, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	require.NoError(t, err)
	l := New(inner, allowing(generous))
	defer func() { _ = l.Close() }()
	caller, err := net.Dial("unix", inner.Addr().String())
	require.NoError(t, err)
	defer func() { _ = caller.Close() }()
	_, err = l.Accept()
	require.ErrorContains(t, err, "cannot serve a *net.UnixConn")
}

func TestTheListenerLeavesFileDescriptorsToOthers(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	limits := generous
	limits.Connections = 1
	l := New(inner, allowing(limits))
	for range 2 {
		gatewaytest.Dial(t, inner.Addr().String())
	}
	first, err := l.Accept()
	require.NoError(t, err)
	second := make(chan net.Conn, 1)
	go func() {
		accepted, err := l.Accept()
		if err == nil {
			second <- accepted
		}
	}()
	require.Empty(t, second)
	require.NoError(t, first.Close())
	_ = first.Close() // a second time makes no more room
	accepted := <-second
	require.Len(t, l.slots, 1)
	require.Len(t, l.open, 1)

	ended := make(chan error, 1)
	go func() { _, err := l.Accept(); ended <- err }()
	require.NoError(t, l.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed, "whoever waits for room learns that there will be none")
	require.NoError(t, accepted.Close())
	require.Empty(t, l.open, "of an address that has gone nothing stays")
}

func TestWhomAConnectionCountsFor(t *testing.T) {
	counts := func(ip net.IP, zone string) netip.Addr {
		return http1.AddressKey(addressOf(&net.TCPAddr{IP: ip, Port: 1, Zone: zone}))
	}
	parse := func(text string) netip.Addr { return counts(net.ParseIP(text), "") }
	require.Equal(t, netip.MustParseAddr("192.0.2.1"), counts(net.IPv4(192, 0, 2, 1).To4(), ""))
	require.Equal(t, netip.MustParseAddr("192.0.2.1"), counts(net.IPv4(192, 0, 2, 1).To16(), ""), "where the socket is for IPv6 as well")
	require.NotEqual(t, parse("192.0.2.1"), parse("192.0.2.2"))
	require.Equal(t, parse("2001:db8:0:1::1"), parse("2001:db8:0:1:ffff:ffff:ffff:ffff"), "all of one /64")
	require.NotEqual(t, parse("2001:db8:0:1::1"), parse("2001:db8:0:2::1"))
	require.Equal(t, counts(net.ParseIP("fe80::1"), "eth0"), counts(net.ParseIP("fe80::2"), "eth1"))
}
