package listener

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// panicking is a listener with a place for one connection, and what it has logged.
func panicking(t *testing.T, change func(*Config)) (*Listener, *bytes.Buffer) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var book bytes.Buffer
	config := allowing(generous)
	config.Limits.Connections = 1
	config.Log = slog.New(slog.NewTextHandler(&book, nil))
	if change != nil {
		change(&config)
	}
	l := New(inner, config)
	t.Cleanup(func() { _ = l.Close() })
	return l, &book
}

func dial(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	caller, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = caller.Close() })
	require.NoError(t, caller.SetDeadline(time.Now().Add(20*time.Second)))
	return caller
}

func accept(t *testing.T, l *Listener) net.Conn {
	t.Helper()
	c, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAPanicWhileAcceptingEndsOneConnection(t *testing.T) {
	var asked atomic.Int64
	l, book := panicking(t, func(c *Config) {
		c.Exempt = func(netip.Addr) bool {
			if asked.Add(1) == 1 {
				panic("no idea")
			}
			return false
		}
	})
	first, second := dial(t, l), dial(t, l)
	served := accept(t, l)
	require.Equal(t, second.LocalAddr().String(), served.RemoteAddr().String())
	_, err := first.Read(make([]byte, 1))
	require.Error(t, err)
	require.Contains(t, book.String(), "no idea")
	require.Contains(t, book.String(), "contain_test.go", "with its stack")
}

func TestAPanicInAHandshakeEndsOneConnection(t *testing.T) {
	l, book := panicking(t, func(c *Config) {
		c.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("no idea") }}
	})
	caller := dial(t, l)
	served := accept(t, l).(*secureConnection)
	go func() { _ = tls.Client(caller, &tls.Config{InsecureSkipVerify: true}).Handshake() }()
	require.ErrorIs(t, served.Handshake(), errPanicked)
	require.NoError(t, served.Close())
	require.Eventually(t, l.Idle, 20*time.Second, time.Millisecond)
	require.Contains(t, book.String(), "TLS handshake")
}

func TestAPanicInAReadEndsOneConnection(t *testing.T) {
	l, book := panicking(t, nil)
	dial(t, l)
	served := accept(t, l)
	served.(*connection).reads.set = func(time.Time) error { panic("no idea") }
	for range 2 {
		_, err := served.Read(make([]byte, 1))
		require.ErrorIs(t, err, errPanicked)
	}
	require.NoError(t, served.Close())
	require.True(t, l.Idle())
	require.Contains(t, book.String(), "no idea")
}

// unclosable panics when it is closed, as the stream of a connection.
type unclosable struct{ net.Conn }

func (unclosable) Close() error { panic("no idea") }

func TestAPanicInACloseGivesThePlaceBack(t *testing.T) {
	l, _ := panicking(t, nil)
	caller := dial(t, l)
	c := accept(t, l).(*connection)
	c.stream = unclosable{c.stream}
	require.NoError(t, c.Close())
	_, err := caller.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "the socket is closed all the same")
	require.Eventually(t, l.Idle, 20*time.Second, time.Millisecond)
	dial(t, l)
	accept(t, l)
}
