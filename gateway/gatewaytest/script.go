package gatewaytest

import (
	"bytes"
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// Answering answers every request of a connection with the same bytes.
func Answering(raw string) Script {
	return func(c *Conn) {
		for c.ReadRequest() {
			c.Say(raw)
		}
	}
}

// AnsweringWith answers every request with what a function makes of it; with nothing, it hangs up. The function is called
// for all connections at once.
func AnsweringWith(answer func(Request) string) Script {
	return func(c *Conn) {
		for c.ReadRequest() {
			raw := answer(c.Last)
			if raw == "" {
				return
			}
			c.Say(raw)
		}
	}
}

// AnswerAll answers every request of a connection with OK.
func AnswerAll(c *Conn) { Answering(OK)(c) }

// Secured is a script under TLS.
func Secured(config *tls.Config, script Script) Script {
	return func(c *Conn) {
		c.Secure(config)
		script(c)
	}
}

// CheapUpstream answers every request without a body with OK and allocates nothing for it, so that what a benchmark reports
// is the gateway's. It returns its address.
func CheapUpstream(tb testing.TB) (address string) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				buffer, reply := make([]byte, 4096), []byte(OK)
				for {
					if n, err := conn.Read(buffer); err != nil || !bytes.HasSuffix(buffer[:n], []byte("\r\n\r\n")) {
						return
					}
					if _, err := conn.Write(reply); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}
