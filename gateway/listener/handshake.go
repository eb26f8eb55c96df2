package listener

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// secureConnection is a connection under TLS. The server asks for the handshake before it reads, in a goroutine of the
// connection's own, and knows by it that requests come under TLS.
type secureConnection struct {
	*connection
	tls *tls.Conn
}

func secure(c *connection, config *tls.Config) *secureConnection {
	secured := tls.Server(c.transport, config)
	c.stream = secured
	return &secureConnection{c, secured}
}

// Handshake completes the handshake within the time that a request's head may take; the read after it has a time of its
// own. A connection on which it fails is at its end: there was no request.
func (s *secureConnection) Handshake() error {
	err := s.transport.SetDeadline(time.Now().Add(s.timeouts.Header))
	if err == nil {
		err = s.tls.Handshake()
	}
	if err == nil {
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
		s.unread.Store(true) // the request, so that its sender gets to read the answer
	}
	return err
}

// ConnectionState is what was agreed upon.
func (s *secureConnection) ConnectionState() tls.ConnectionState { return s.tls.ConnectionState() }

const plainOnTLS = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 80\r\n\r\n" +
	`{"status":400,"error":"invalid_request","error_description":"This port is TLS."}`

// looksLikeHTTP tells a request in plain HTTP from noise.
func looksLikeHTTP(begins []byte) bool {
	for _, b := range begins {
		if (b < 'A' || b > 'Z') && b != ' ' && b != '/' {
			return false
		}
	}
	return true
}
