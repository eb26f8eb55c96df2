package gateway_test

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/keys"
)

// movable is a clock that a test can move.
type movable struct{ ahead atomic.Int64 }

func (m *movable) now() time.Time { return now.Add(time.Duration(m.ahead.Load())) }

func (m *movable) move(by time.Duration) { m.ahead.Add(int64(by)) }

// by lets a gateway and its verifier go by the clock.
func (m *movable) by(c *gateway.Config) {
	c.Now = m.now
	c.Verifier.(*keys.Verifier).Now = m.now
}

func webSocket(r *gateway.Route) { r.WebSocket = true }

func tokenFrom(sources ...string) func(*gateway.Route) {
	return func(r *gateway.Route) { r.TokenFrom = sources }
}

// webSocketUpstream serves WebSockets with a library that is not the gateway's.
func webSocketUpstream(t *testing.T, serve func(*websocket.Conn, *http.Request)) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			InsecureSkipVerify: true, Subprotocols: []string{"chat"}, CompressionMode: websocket.CompressionContextTakeover,
		})
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		serve(c, r)
	}))
	t.Cleanup(server.Close)
	return server
}

// echo sends everything back.
func echo(c *websocket.Conn, r *http.Request) {
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// open opens a WebSocket through the gateway.
func (s *system) open(target string, options *websocket.DialOptions) *websocket.Conn {
	s.t.Helper()
	c, _, err := s.tryOpen(target, options)
	require.NoError(s.t, err)
	return c
}

func (s *system) tryOpen(target string, options *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
	s.t.Helper()
	c, response, err := websocket.Dial(patient(s.t), "ws://"+s.addr+target, options)
	if err == nil {
		s.t.Cleanup(func() { _ = c.CloseNow() })
	}
	return c, response, err
}

func withToken(token string) *websocket.DialOptions {
	return &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}}
}

// says sends a message and requires its echo.
func says(t *testing.T, c *websocket.Conn, message string) {
	t.Helper()
	answer, err := echoed(t, c, message)
	require.NoError(t, err)
	require.Equal(t, message, answer)
}

// echoed sends a message and returns the next one that comes.
func echoed(t *testing.T, c *websocket.Conn, message string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		return "", err
	}
	_, answer, err := c.Read(ctx)
	return string(answer), err
}

// requireClosed waits for the Close and returns what it says.
func requireClosed(t *testing.T, c *websocket.Conn, code websocket.StatusCode) string {
	t.Helper()
	_, _, err := c.Read(patient(t))
	var closed websocket.CloseError
	require.ErrorAs(t, err, &closed)
	require.Equal(t, code, closed.Code)
	return closed.Reason
}

const sampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// handshake is a request that opens a WebSocket, with lines added.
func handshake(target string, lines ...string) string {
	return raw("GET "+target, append([]string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + sampleKey,
	}, lines...)...)
}

// switching is the answer that accepts it.
func switching(lines ...string) string {
	sum := sha1.Sum([]byte(sampleKey + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return "HTTP/1.1 101 Switching Protocols\r\n" + strings.Join(append([]string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]),
	}, lines...), "\r\n") + "\r\n\r\n"
}

// switchAll accepts every request and then does what the test says.
func switchAll(then func(*link)) func(*link) {
	return func(l *link) {
		if l.ReadRequest() {
			l.Say(switching())
			then(l)
		}
	}
}
