package gateway_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// tunnelled opens a WebSocket on a socket of its own. Everything after the answer's head is for the test.
func (s *system) tunnelled(target string, lines ...string) *call {
	s.t.Helper()
	c := s.dial()
	c.Send(handshake(target, lines...))
	require.Equal(s.t, 101, c.Receive("GET").StatusCode)
	return c
}

func TestNothingIsLostAroundTheSwitch(t *testing.T) {
	fromClient := make(chan string, 1)
	upstream := newUpstream(t, func(l *link) {
		l.ReadRequest()
		// What the caller sent too early must not be there before the upstream has agreed.
		_ = l.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := l.Reader.ReadByte(); !os.IsTimeout(err) {
			t.Errorf("bytes arrived before the answer: %v", err)
		}
		_ = l.SetReadDeadline(time.Time{})
		l.Say("HTTP/1.1 103 Early Hints\r\n\r\n" + switching("Set-Cookie: a=b", "Set-Cookie: gatehouse=planted", "Keep-Alive: 5", "X-Other: kept",
			"Connection: x-hop", "X-Hop: 1", "X-Request-Id: the upstream's") + frame(text, "behind"))
		early := make([]byte, len(masked(frame(text, "early"))))
		_, _ = io.ReadFull(l.Reader, early)
		fromClient <- string(early)
	})
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public)}, options{config: func(c *gateway.Config) {
		c.Observer = namer("the-one")
	}})
	c := s.dial()
	c.Send(handshake("/balance") + masked(frame(text, "early")))
	a := c.Receive("GET")
	require.Equal(t, 101, a.StatusCode)
	require.Equal(t, []string{"a=b"}, a.Header["Set-Cookie"])
	require.Equal(t, "kept", a.Header.Get("X-Other"))
	require.Empty(t, a.Header.Get("Keep-Alive"))
	require.Empty(t, a.Header.Get("X-Hop"))
	require.Equal(t, []string{"Upgrade"}, a.Header["Connection"])
	require.Equal(t, []string{"websocket"}, a.Header["Upgrade"])
	require.Equal(t, []string{"the-one"}, a.Header["X-Request-Id"])
	require.Equal(t, frame(text, "behind"), c.ReadBytes(8))
	require.Equal(t, masked(frame(text, "early")), <-fromClient)
}

// Requests that a caller hides behind a handshake are read as what they are when the upstream does not agree to it.
func TestWhatFollowsAHandshakeThatFailsIsARequest(t *testing.T) {
	for _, status := range []int{200, 400, 403, 426, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			upstream := newUpstream(t, func(l *link) {
				for l.ReadRequest() {
					l.Sayf("HTTP/1.1 %d Whatever\r\nContent-Length: 2\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nno", status)
				}
			})
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket)}, options{})
			c := s.dial()
			c.Send(handshake("/balance", bearer(s.token(nil))) + raw("GET /admin") + raw("GET /balance") + raw("GET /balance", bearer(s.token(nil))))
			a := c.Receive("GET")
			require.Equal(t, status, a.StatusCode)
			require.Equal(t, "no", a.Body)
			require.Empty(t, a.Header.Get("Upgrade"))
			require.Equal(t, 404, c.Receive("GET").StatusCode)
			require.Equal(t, 401, c.Receive("GET").StatusCode)
			require.Equal(t, status, c.Receive("GET").StatusCode)
			require.Len(t, upstream.Requests(), 2)
			require.Equal(t, 2, upstream.Connections(), "a connection that was to become something else is not used again")
		})
	}
}

func TestAnswersThatAreNoWebSocket(t *testing.T) {
	good := switching()
	for name, answer := range map[string]string{
		"the wrong accept":         strings.Replace(good, "Accept: s", "Accept: S", 1),
		"no accept":                strings.Replace(good, "Sec-WebSocket-Accept", "X-Accept", 1),
		"two accepts":              switching("Sec-WebSocket-Accept: x"),
		"no Upgrade":               strings.Replace(good, "Upgrade: websocket", "X: y", 1),
		"another protocol":         strings.Replace(good, "Upgrade: websocket", "Upgrade: h2c", 1),
		"two protocols":            switching("Upgrade: h2c"),
		"no Connection":            strings.Replace(good, "Connection: Upgrade", "X: y", 1),
		"a length":                 switching("Content-Length: 5"),
		"chunked":                  switching("Transfer-Encoding: chunked"),
		"HTTP/1.0":                 strings.Replace(good, "HTTP/1.1", "HTTP/1.0", 1),
		"a foreign subprotocol":    switching("Sec-WebSocket-Protocol: other"),
		"two subprotocols":         switching("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"),
		"a list of subprotocols":   switching("Sec-WebSocket-Protocol: chat, v2"),
		"a subprotocol in capital": switching("Sec-WebSocket-Protocol: Chat"),
		"an empty subprotocol":     switching("Sec-WebSocket-Protocol: "),
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, func(l *link) {
				l.ReadRequest()
				l.Say(answer)
				_, _ = l.Reader.ReadByte()
			})
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public)}, options{})
			c := s.dial()
			c.Send(handshake("/balance", "Sec-WebSocket-Protocol: chat, v2"))
			requireRefused(t, c.Receive("GET"), 502, "bad_gateway")
			upstream.AwaitClosed(0)
			c.Send(raw("GET /nowhere"))
			require.Equal(t, 404, c.Receive("GET").StatusCode, "the connection is one of HTTP as before")
		})
	}
}

func TestOneEndMayGoOnAfterTheOtherHasEnded(t *testing.T) {
	upstream := newUpstream(t, switchAll(func(l *link) {
		heard, _ := io.ReadAll(l.Reader)
		l.Sayf("heard %s", heard)
	}))
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public)}, options{})
	c := s.tunnelled("/balance")
	c.Send("all of it")
	c.CloseWrite()
	rest, err := io.ReadAll(c.Reader)
	require.NoError(t, err)
	require.Equal(t, "heard all of it", string(rest))
	upstream.AwaitClosed(0)

	said := make(chan string, 1)
	upstream = newUpstream(t, switchAll(func(l *link) {
		l.Say("that was all")
		_ = l.Conn.(*net.TCPConn).CloseWrite()
		rest, _ := io.ReadAll(l.Reader)
		said <- string(rest)
	}))
	s = newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public)}, options{})
	c = s.tunnelled("/balance")
	rest, err = io.ReadAll(c.Reader)
	require.NoError(t, err)
	require.Equal(t, "that was all", string(rest))
	c.Send("and here too")
	require.NoError(t, c.Conn.Close())
	require.Equal(t, "and here too", <-said)
}

func TestACallerThatDoesNotReadSlowsTheUpstreamDown(t *testing.T) {
	const size = 64 << 20
	wrote := make(chan int, 1)
	upstream := newUpstream(t, switchAll(func(l *link) {
		data := make([]byte, size)
		_ = l.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := l.Write(data)
		if !os.IsTimeout(err) {
			t.Errorf("everything was taken: %v", err)
		}
		wrote <- n
	}))
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public)}, options{})
	c := s.tunnelled("/balance")
	want := <-wrote
	t.Logf("%d of %d bytes were taken", want, size)
	n, err := io.Copy(io.Discard, c.Reader)
	require.NoError(t, err)
	require.EqualValues(t, want, n)
}

func TestATunnelTakesOneOfTheUpstreamsConnections(t *testing.T) {
	for name, end := range map[string]func(*call, *fakeUpstream){
		"the caller closes":     func(c *call, _ *fakeUpstream) { c.Close() },
		"the caller is cut off": func(c *call, _ *fakeUpstream) { c.Reset() },
		"the upstream closes": func(c *call, u *fakeUpstream) {
			u.Release()
			require.True(t, c.IsClosed())
			require.NoError(t, c.Conn.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := newUpstream(t, switchAll(func(l *link) {
				go func() {
					l.Hold()
					_ = l.Close()
				}()
				_, _ = io.Copy(io.Discard, l.Reader)
			}))
			s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public)}, options{config: func(c *gateway.Config) {
				c.Upstreams.MaxWebSockets, c.Upstreams.ConnWait = 1, time.Millisecond
			}})
			c := s.tunnelled("/balance")
			requireRefused(t, s.do(handshake("/balance")), 503, "temporarily_unavailable")
			end(c, upstream)
			upstream.AwaitClosed(0)
			require.Eventually(t, func() bool { return s.gateway.WebSockets() == 0 }, patience, time.Millisecond)
			s.tunnelled("/balance")
			if name != "the upstream closes" {
				upstream.Release()
			}
		})
	}
}

// A caller that is gone before the answer could be written must not leave the upstream's connection behind.
func TestACallerThatIsGoneBeforeTheTunnelBegins(t *testing.T) {
	_, upstream := tunnelThatNeverBegins(t)
	upstream.AwaitClosed(0)
}

func tunnelThatNeverBegins(t *testing.T) (*system, *fakeUpstream) {
	gone := make(chan struct{})
	upstream := newUpstream(t, func(l *link) {
		l.ReadRequest()
		<-gone
		l.Say(switching())
		_, _ = io.Copy(io.Discard, l.Reader)
	})
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public)}, options{bare: true})
	c := s.dial()
	c.Send(raw("GET /nowhere") + handshake("/balance")) // the first answer waits to be sent with the second
	require.Eventually(t, func() bool { return len(upstream.Requests()) == 1 }, patience, time.Millisecond)
	c.Reset()
	close(gone)
	return s, upstream
}

// Each tunnel echoes its own name for a while; what arrives elsewhere would show at once.
func TestFiveHundredTunnelsShareNothing(t *testing.T) {
	const tunnels, rounds, atOnce = 500, 20, 50
	upstream := webSocketUpstream(t, echo)
	s := newSystem(t, []gateway.Route{balance(upstream.URL, webSocket)}, options{config: func(c *gateway.Config) {
		c.Upstreams.MaxWebSocketsPerUser = tunnels
	}})
	token := s.token(nil)
	began := time.Now()
	var open [tunnels]*websocket.Conn
	var opening sync.WaitGroup
	for first := range atOnce {
		opening.Go(func() {
			for i := first; i < tunnels; i += atOnce {
				c, _, err := websocket.Dial(patient(t), "ws://"+s.addr+"/balance", withToken(token))
				if err != nil {
					t.Error(err)
					return
				}
				open[i] = c
			}
		})
	}
	opening.Wait()
	require.False(t, t.Failed())
	require.Equal(t, tunnels, s.gateway.WebSockets())
	var all sync.WaitGroup
	places := make(chan struct{}, atOnce) // or each would wait for all the others
	for i, c := range open {
		all.Go(func() {
			defer func() { _ = c.CloseNow() }()
			for round := range rounds {
				message := strings.Repeat(fmt.Sprintf("tunnel %d round %d;", i, round), 1+i%50)
				places <- struct{}{}
				answer, err := echoed(t, c, message)
				<-places
				if err != nil || answer != message {
					t.Errorf("tunnel %d: %v, and the echo is its own: %t", i, err, answer == message)
					return
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d tunnels, %d echoes in %s", tunnels, tunnels*rounds, time.Since(began))
	require.Eventually(t, func() bool { return s.gateway.WebSockets() == 0 }, patience, time.Millisecond)
}
