package listener

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ownCertificate is a server's configuration with a certificate that nobody trusts.
func ownCertificate(t *testing.T) *tls.Config {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	return &tls.Config{Certificates: server.TLS.Certificates}
}

// TestNothingIsWrittenBeforeTheHandshake is about a server that answers from the goroutine that accepts: TLS would begin a
// handshake there, and wait for the peer.
func TestNothingIsWrittenBeforeTheHandshake(t *testing.T) {
	l, _ := panicking(t, func(c *Config) { c.TLS, c.Timeouts.Header = ownCertificate(t), time.Hour })
	dial(t, l) // and says nothing
	served := accept(t, l)
	_, err := served.Write([]byte("HTTP/1.1 503 Service Unavailable\r\n\r\n"))
	require.ErrorIs(t, err, errNotShaken)
	require.NoError(t, served.Close())
	require.Eventually(t, l.Idle, 20*time.Second, time.Millisecond)
}

// TestACloseUnderTLSWaitsForNobody fills a connection, so that the goodbye of TLS finds no room.
func TestACloseUnderTLSWaitsForNobody(t *testing.T) {
	l, _ := panicking(t, func(c *Config) { c.TLS = ownCertificate(t) })
	caller := dial(t, l)
	served := accept(t, l).(*secureConnection)
	go func() { _ = tls.Client(caller, &tls.Config{InsecureSkipVerify: true}).Handshake() }()
	require.NoError(t, served.Handshake())
	socket := served.transport.TCPConn
	for range 3 { // the kernel moves a little on at first
		require.NoError(t, socket.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
		_, err := socket.Write(make([]byte, 64<<20))
		require.Error(t, err)
	}
	began := time.Now()
	require.NoError(t, served.Close())
	require.Less(t, time.Since(began), time.Second)
	require.False(t, l.Idle(), "it keeps its place until it is closed")
	require.NoError(t, caller.Close())
	require.Eventually(t, l.Idle, 20*time.Second, time.Millisecond)
}
