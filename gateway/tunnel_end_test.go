package gateway_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/gateway/internal/tunnel"
)

func TestAWebSocketIsClosedWithItsToken(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(*system, *movable)
		reason  string
	}{
		"expired": {func(_ *system, clock *movable) { clock.move(time.Hour) }, "token expired"},
		"revoked": {func(s *system, _ *movable) { s.denylist.set(denylist.ErrRevoked) }, "token revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			heard := make(chan error, 1)
			upstream := webSocketUpstream(t, func(c *websocket.Conn, _ *http.Request) {
				_, _, err := c.Read(context.Background())
				heard <- err
			})
			clock := &movable{}
			s := newSystem(t, []gateway.Route{
				balance(upstream.URL, webSocket), balance(upstream.URL, webSocket, public, path("/public")),
			}, options{config: clock.by})
			anonymous := s.open("/public", nil)
			c := s.open("/balance", withToken(s.token(nil)))
			clock.move(time.Hour - time.Second) // of its life there is still something left
			asked := len(s.denylist.queries())
			require.Eventually(t, func() bool { return len(s.denylist.queries()) > asked+1 }, patience, time.Millisecond)
			require.Equal(t, 2, s.gateway.WebSockets())

			test.happens(s, clock)
			require.Equal(t, test.reason, requireClosed(t, c, 4401))
			var closed websocket.CloseError
			require.ErrorAs(t, <-heard, &closed)
			require.Equal(t, websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: test.reason}, closed)
			require.Eventually(t, func() bool { return s.gateway.WebSockets() == 1 }, patience, time.Millisecond)
			require.NoError(t, anonymous.Close(websocket.StatusNormalClosure, ""), "who has no token can lose none")
		})
	}
}

func TestAWebSocketOutlivesAMomentOfNotKnowing(t *testing.T) {
	upstream := webSocketUpstream(t, echo)
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL, webSocket),
		balance(upstream.URL, webSocket, path("/lenient"), func(r *gateway.Route) { r.OnUnavailable = gateway.Allow }),
	}, options{})
	c, lenient := s.open("/balance", withToken(s.token(nil))), s.open("/lenient", withToken(s.token(nil)))
	again := func() {
		asked := len(s.denylist.queries())
		require.Eventually(t, func() bool { return len(s.denylist.queries()) > asked+4 }, patience, time.Millisecond)
	}
	s.denylist.set(denylist.ErrUnknown)
	again()
	s.denylist.set(nil)
	again()
	says(t, c, "still here")
	began := time.Now()
	s.denylist.set(denylist.ErrUnknown)
	require.Equal(t, "token cannot be checked", requireClosed(t, c, websocket.StatusTryAgainLater))
	require.Greater(t, time.Since(began), time.Second, "another moment would have passed")
	again()
	says(t, lenient, "still here")
	s.denylist.set(denylist.ErrRevoked)
	requireClosed(t, lenient, 4401)
	require.Contains(t, s.log.String(), "cut: cannot tell")
}

// revoke revokes and returns when a tunnel has been looked at after that.
func (s *system) revoke() {
	s.t.Helper()
	s.denylist.set(denylist.ErrRevoked)
	asked := len(s.denylist.queries())
	require.Eventually(s.t, func() bool { return len(s.denylist.queries()) > asked }, patience, time.Millisecond)
}

// Whoever does not answer a Close, or takes nothing at all, is cut off.
func TestAWebSocketEndsWithoutItsEnds(t *testing.T) {
	filled := make(chan struct{})
	upstream := newUpstream(t, switchAll(func(l *link) {
		data := bytes.Repeat([]byte(frame(text, strings.Repeat("x", 100))), 100)
		if l.Number == 2 {
			l.Say(frame(text, "half")[:4])
		}
		for l.Number == 1 {
			_ = l.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			if _, err := l.Write(data); err != nil {
				close(filled)
				break
			}
		}
		l.Hold()
	}))
	defer upstream.Release()
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket)}, options{})
	silent := s.tunnelled("/balance", bearer(s.token(nil)))
	deaf := s.tunnelled("/balance", bearer(s.token(nil)))
	<-filled
	halfway := s.tunnelled("/balance", bearer(s.token(nil)))
	require.Equal(t, frame(text, "half")[:4], halfway.ReadBytes(4))
	began := time.Now()
	s.revoke()
	require.Eventually(t, func() bool { return s.gateway.WebSockets() == 0 }, patience, time.Millisecond)
	t.Logf("all were over after %s", time.Since(began))
	require.Equal(t, closeFrame(4401, "token revoked"), silent.ReadBytes(17))
	require.True(t, silent.IsClosed())
	require.True(t, halfway.IsClosed(), "a Close would be taken for the other half")
	_, _ = io.Copy(io.Discard, deaf.Reader)
}

// The timeout of the route counts, not that of upstreams in general, which is for answers.
func TestASilentWebSocketIsClosedWhereItsRouteSaysSo(t *testing.T) {
	const timeout = 300 * time.Millisecond
	upstream := webSocketUpstream(t, echo)
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL, webSocket, public, func(r *gateway.Route) { r.IdleTimeout = timeout }),
		balance(upstream.URL, webSocket, public, path("/patient")),
	}, options{config: func(c *gateway.Config) { c.Upstreams.IdleTimeout = timeout }})
	quiet := s.open("/patient", nil)
	silent := s.open("/balance", nil)
	require.Equal(t, "idle", requireClosed(t, silent, websocket.StatusGoingAway))
	says(t, quiet, "still here")
}

// ending tells what it was told of the end of a tunnel.
type ending chan gateway.TunnelEnd

func (ending) Begin(*fasthttp.RequestCtx) []byte { return nil }

func (e ending) Served(_ *fasthttp.RequestCtx, seen *gateway.Observation) {
	if seen.Tunnel != nil {
		seen.Tunnel.OnEnd(func(end gateway.TunnelEnd) { e <- end })
	}
}

func (ending) Streamed(*fasthttp.RequestCtx, gateway.AnswerEnd) {}

func TestTheObserverHearsOfTheEnd(t *testing.T) {
	upstream := newUpstream(t, switchAll(func(l *link) {
		for {
			b, err := l.Reader.ReadByte()
			if err != nil {
				return
			}
			l.Say(strings.Repeat(string(b), 2))
		}
	}))
	ends := make(ending, 1)
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket)}, options{config: func(c *gateway.Config) { c.Observer = ends }})
	c := s.tunnelled("/balance", bearer(s.token(nil)))
	c.Send("abc")
	require.Equal(t, "aabbcc", c.ReadBytes(6))
	require.NoError(t, c.Conn.Close())
	end := <-ends
	require.Equal(t, "hung_up", end.Ending.String())
	require.Equal(t, [2]int64{3, 6}, [2]int64{end.Received, end.Sent})
	require.Positive(t, end.Took)

	c = s.tunnelled("/balance", bearer(s.token(nil)))
	s.revoke()
	said := closeFrame(4401, "token revoked")
	require.Equal(t, said, c.ReadBytes(len(said)))
	c.Send(masked(closeFrame(4401, "")))
	end = <-ends
	require.Equal(t, tunnel.TokenRevoked, end.Ending)
	require.EqualValues(t, len(said), end.Sent)
}
