package app_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"time"
)

var discardLog = log.New(io.Discard, "", 0)

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
