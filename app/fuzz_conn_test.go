package app_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	discardLog = log.New(io.Discard, "", 0)
	errSlow    = errors.New("no answer")
)

// serveConns is an upstream that does what it is told with each connection, and its URL.
func serveConns(tb testing.TB, serve func(net.Conn)) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			})
		}
	})
	tb.Cleanup(func() {
		_ = listener.Close()
		wait.Wait() // the gateway, which is stopped before, has closed them
	})
	return "http://" + listener.Addr().String()
}

// readAnswer reads one answer to its end, and skips interim ones.
func readAnswer(reader *bufio.Reader, method string) (status int, err error) {
	for {
		answer, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
		}
		if isTimeout(err) {
			return 0, errSlow
		}
		if err != nil || answer.StatusCode >= 200 {
			if answer != nil {
				status = answer.StatusCode
			}
			return status, err
		}
	}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// sentConn is a connection on which everything was sent already.
type sentConn struct {
	sent *bytes.Reader
}

func (c *sentConn) Read(p []byte) (int, error)       { return c.sent.Read(p) }
func (c *sentConn) Write(p []byte) (int, error)      { return len(p), nil }
func (c *sentConn) Close() error                     { return nil }
func (c *sentConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *sentConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *sentConn) SetDeadline(time.Time) error      { return nil }
func (c *sentConn) SetReadDeadline(time.Time) error  { return nil }
func (c *sentConn) SetWriteDeadline(time.Time) error { return nil }

// onlyOnce is a listener with one connection, which ends with it.
type onlyOnce struct {
	conn net.Conn
	done <-chan struct{}
}

func (l *onlyOnce) Accept() (net.Conn, error) {
	if conn := l.conn; conn != nil {
		l.conn = nil
		return conn, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *onlyOnce) Close() error   { return nil }
func (l *onlyOnce) Addr() net.Addr { return &net.TCPAddr{} }
