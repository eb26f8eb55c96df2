package listener

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// secureConnection is a connection under TLS. The server calls Handshake before it reads, in a goroutine of the
// connection's own.
type secureConnection struct {
	*connection
	tls    *tls.Conn
	shaken atomic.Bool // the handshake is complete
}

func secure(c *connection, config *tls.Config) *secureConnection {
	secured := tls.Server(c.transport, config)
	c.stream = secured
	return &secureConnection{connection: c, tls: secured}
}

// errNotShaken is a write before the handshake. TLS would do the handshake first, and the writer would wait for the caller.
var errNotShaken = errors.New("the TLS handshake is not complete")

// Write implements net.Conn. Before the handshake is complete it fails at once.
func (s *secureConnection) Write(p []byte) (int, error) {
	if !s.shaken.Load() {
		return 0, errNotShaken
	}
	return s.connection.Write(p)
}

// Handshake completes the handshake, within the time that the head of a request may take. The first read after it has as
// much time again. When the handshake fails, reads are at their end: there was no request.
func (s *secureConnection) Handshake() error {
	err := s.shake()
	if err == nil {
		s.shaken.Store(true)
		return nil
	}
	s.failed = io.EOF
	s.listener.config.Log.Debug("TLS handshake failed", "error", err)
	if !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) { // a probe that says nothing is no failure
		s.listener.config.Counts.HandshakeFailed()
	}
	var notTLS tls.RecordHeaderError
	if errors.As(err, &notTLS) && notTLS.Conn != nil && looksLikeHTTP(notTLS.RecordHeader[:]) {
		_, _ = s.transport.Write([]byte(plainOnTLS))
		s.unread.Store(true) // of the request, so that Close leaves its sender time to read the answer
	}
	return err
}

func (s *secureConnection) shake() (err error) {
	defer s.listener.contain("TLS handshake", &err)
	if err := s.transport.SetDeadline(time.Now().Add(s.timeouts.Header)); err != nil {
		return err
	}
	return s.tls.Handshake()
}

// ConnectionState is what the handshake has agreed upon.
func (s *secureConnection) ConnectionState() tls.ConnectionState { return s.tls.ConnectionState() }

const plainOnTLS = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 93\r\n\r\n" +
	`{"status":400,"error":"invalid_request","error_description":"This port is TLS.","sent":false}`

// looksLikeHTTP tells the first bytes of a request in plain HTTP from noise.
func looksLikeHTTP(begins []byte) bool {
	for _, b := range begins {
		if (b < 'A' || b > 'Z') && b != ' ' && b != '/' {
			return false
		}
	}
	return true
}
