package gatewaytest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Caller is a connection that sends exactly what it is given. It is for one goroutine, but for one that reads beside one
// that writes. Methods that return no error fail the test, and so are for its own goroutine.
type Caller struct {
	// Conn has a deadline at first, Patience from when it was made.
	Conn net.Conn
	// Reader is what to read from, for it may hold bytes already.
	Reader *bufio.Reader
	t      testing.TB
	socket *net.TCPConn // below TLS
}

// Answer is a response that was read to its end.
type Answer struct {
	*http.Response
	Body string
}

// Dial connects. The connection is closed when the test ends, at the latest.
func Dial(t testing.TB, address string) *Caller {
	t.Helper()
	c, err := TryDial(t, address)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// TryDial is Dial for any goroutine, and leaves closing to who calls it.
func TryDial(t testing.TB, address string) (*Caller, error) {
	conn, err := net.DialTimeout("tcp", address, Patience)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(Patience)) // fails when it is closed already, which the next call shows
	return &Caller{Conn: conn, Reader: bufio.NewReader(conn), t: t, socket: conn.(*net.TCPConn)}, nil
}

// DialTLS is Dial with a handshake.
func DialTLS(t testing.TB, address string, config *tls.Config) *Caller {
	t.Helper()
	c, err := TryDialTLS(t, address, config)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// TryDialTLS is DialTLS for any goroutine, and for handshakes that fail. It leaves closing to who calls it.
func TryDialTLS(t testing.TB, address string, config *tls.Config) (*Caller, error) {
	c, err := TryDial(t, address)
	if err != nil {
		return nil, err
	}
	if config.ServerName == "" && !config.InsecureSkipVerify {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	secured := tls.Client(c.Conn, config)
	if err := secured.Handshake(); err != nil {
		c.Close()
		return nil, err
	}
	c.Conn, c.Reader = secured, bufio.NewReader(secured)
	return c, nil
}

// Close may be called twice.
func (c *Caller) Close() { _ = c.Conn.Close() }

// CloseWrite says that no more will come, without TLS.
func (c *Caller) CloseWrite() {
	c.t.Helper()
	require.NoError(c.t, c.socket.CloseWrite())
}

// Reset ends the connection at once.
func (c *Caller) Reset() { _, _ = c.socket.SetLinger(0), c.socket.Close() }

// Send writes all of it.
func (c *Caller) Send(raw string) {
	c.t.Helper()
	require.NoError(c.t, c.TrySend(raw))
}

// TrySend is Send for any goroutine, and for what may be cut off.
func (c *Caller) TrySend(raw string) error {
	_, err := io.WriteString(c.Conn, raw)
	return err
}

// SendPieces writes in pieces of a size, as much as the other side takes.
func (c *Caller) SendPieces(raw string, size int) {
	for len(raw) > 0 {
		n := min(size, len(raw))
		if c.TrySend(raw[:n]) != nil {
			return
		}
		raw = raw[n:]
	}
}

// Begin reads the head of an answer.
func (c *Caller) Begin() *http.Response {
	c.t.Helper()
	response, err := http.ReadResponse(c.Reader, nil)
	require.NoError(c.t, err)
	return response
}

// Receive reads one answer, which may be an interim one, to a request of a method.
func (c *Caller) Receive(method string) Answer {
	c.t.Helper()
	answer, err := c.TryReceive(method)
	require.NoError(c.t, err)
	return answer
}

// TryReceive is Receive for any goroutine, and for answers that may be cut: then it returns what came. Without a head there
// is no Response.
func (c *Caller) TryReceive(method string) (Answer, error) {
	response, err := http.ReadResponse(c.Reader, &http.Request{Method: method})
	if err != nil {
		return Answer{}, err
	}
	body, err := io.ReadAll(response.Body)
	return Answer{response, string(body)}, err
}

// TryReceiveFinal is TryReceive, but passes interim answers over.
func (c *Caller) TryReceiveFinal(method string) (Answer, error) {
	for {
		answer, err := c.TryReceive(method)
		if err != nil || answer.StatusCode >= http.StatusOK {
			return answer, err
		}
	}
}

// Do sends one request and reads its answer.
func (c *Caller) Do(raw string) Answer {
	c.t.Helper()
	c.Send(raw)
	method, _, _ := strings.Cut(raw, " ")
	return c.Receive(method)
}

// ReadBytes reads so many bytes.
func (c *Caller) ReadBytes(size int) string {
	c.t.Helper()
	read := make([]byte, size)
	_, err := io.ReadFull(c.Reader, read)
	require.NoError(c.t, err)
	return string(read)
}

// IsClosed waits for the other side to close the connection and reports whether it did so without another byte.
func (c *Caller) IsClosed() bool {
	_, err := c.Reader.ReadByte()
	return errors.Is(err, io.EOF)
}

// NotHTTP stands among the statuses of answers for one that is none.
const NotHTTP = 0

// Statuses are those of all final answers that come until the connection ends. NotHTTP is the last where something else
// came, or where the connection has not ended by its deadline.
func (c *Caller) Statuses() (statuses []int) {
	for {
		answer, err := c.TryReceiveFinal("")
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), IsReset(err):
			return statuses
		case err != nil:
			return append(statuses, NotHTTP)
		}
		statuses = append(statuses, answer.StatusCode)
	}
}

// IsReset reports whether a connection has ended in a reset.
func IsReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
