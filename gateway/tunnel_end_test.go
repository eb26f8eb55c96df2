package gateway_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"os"
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

// closedWithin is how soon a WebSocket must be closed whose token is no longer good.
const closedWithin = time.Second

// requireSoon is for what closes a WebSocket and says how long it took. A machine may stand still once: three of four more
// have to be in time then.
func requireSoon(t *testing.T, closes func() time.Duration) {
	t.Helper()
	took := closes()
	t.Logf("closed after %s", took)
	if took < closedWithin {
		return
	}
	punctual := 0
	for range 4 {
		took = closes()
		t.Logf("closed after %s", took)
		if took < closedWithin {
			punctual++
		}
	}
	require.GreaterOrEqual(t, punctual, 3)
}

func TestAWebSocketIsClosedWithItsToken(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(*system, *movable)
		reason  string
	}{
		"expired": {func(_ *system, clock *movable) { clock.move(time.Hour) }, "token expired"},
		"revoked": {func(s *system, _ *movable) { s.denylist.set(denylist.ErrRevoked) }, "token revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			requireSoon(t, func() time.Duration {
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

				began := time.Now()
				test.happens(s, clock)
				require.Equal(t, test.reason, requireClosed(t, c, 4401))
				took := time.Since(began)
				var closed websocket.CloseError
				require.ErrorAs(t, <-heard, &closed)
				require.Equal(t, websocket.CloseError{Code: websocket.StatusPolicyViolation, Reason: test.reason}, closed)
				require.Eventually(t, func() bool { return s.gateway.WebSockets() == 1 }, patience, time.Millisecond)
				require.NoError(t, anonymous.Close(websocket.StatusNormalClosure, ""), "who has no token can lose none")
				return took
			})
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
	require.Contains(t, s.log.String(), "WebSocket closed: cannot tell")
}

// revoke revokes and returns when a tunnel has been looked at after that.
func (s *system) revoke() {
	s.t.Helper()
	s.denylist.set(denylist.ErrRevoked)
	asked := len(s.denylist.queries())
	require.Eventually(s.t, func() bool { return len(s.denylist.queries()) > asked }, patience, time.Millisecond)
}

func TestACloseDoesNotCutAFrameInTwo(t *testing.T) {
	ended := closeFrame(4401, "token revoked")
	long := strings.Repeat("x", 300)
	longFrame := string(binary.BigEndian.AppendUint16([]byte{text, 126}, 300)) + long
	for name, test := range map[string]struct{ before, after, want string }{
		"between frames":                  {frame(text, "one"), "", frame(text, "one") + ended},
		"before any":                      {"", "", ended},
		"between fragments":               {frame(textBegins, "one"), "", frame(textBegins, "one") + ended},
		"after a Ping":                    {frame(pings, "one"), "", frame(pings, "one") + ended},
		"in a payload":                    {frame(text, "one")[:3], frame(text, "one")[3:] + frame(text, "two"), frame(text, "one") + ended},
		"after one byte of a header":      {longFrame[:1], longFrame[1:] + longFrame, longFrame + ended},
		"in the length":                   {longFrame[:3], longFrame[3:] + "\x81", longFrame + ended},
		"in a long payload":               {longFrame[:100], longFrame[100:], longFrame + ended},
		"in an empty frame":               {frame(text, "")[:1], frame(text, "")[1:] + frame(text, "two"), frame(text, "") + ended},
		"in a frame that does not end":    {frame(text, "never")[:4], "", frame(text, "never")[:4]},
		"after a Close of the upstream's": {closeFrame(1000, "bye"), "", closeFrame(1000, "bye")},
		"in a Close of the upstream's":    {closeFrame(1000, "bye")[:4], closeFrame(1000, "bye")[4:], closeFrame(1000, "bye")},
	} {
		t.Run(name, func(t *testing.T) {
			ends := make(chan struct{})
			upstream := newUpstream(t, switchAll(func(l *link) {
				l.write("%s", test.before)
				_, _ = io.Copy(io.Discard, l.reader) // until the gateway has begun to close the tunnel
				l.write("%s", test.after)
				close(ends)
			}))
			s := newSystem(t, []gateway.Route{balance(upstream.url(), webSocket)}, options{})
			c := s.tunnelled("/balance", bearer(s.token(nil)))
			got := c.read(len(test.before))
			s.denylist.set(denylist.ErrRevoked)
			<-ends
			c.send(masked(closeFrame(4401, ""))) // as a browser answers; otherwise it would be awaited for a while
			rest, err := io.ReadAll(c.reader)
			require.NoError(t, err)
			require.Equal(t, test.want, got+string(rest))
			upstream.awaitClosed(0)
		})
	}
}

// After the revocation the upstream hears nothing more of the caller but that it is over.
func TestNothingOfARevokedTokenPasses(t *testing.T) {
	ended := masked(closeFrame(1008, "token revoked"))
	soonest, awaited := patience, false
	for name, test := range map[string]struct{ before, want string }{
		"between frames":   {masked(frame(text, "one")), masked(frame(text, "one")) + ended},
		"after a Ping":     {masked(frame(pings, "one")), masked(frame(pings, "one")) + ended},
		"in a frame":       {masked(frame(text, "one"))[:7], masked(frame(text, "one"))[:7]},
		"after its Close":  {masked(closeFrame(1000, "")), masked(closeFrame(1000, ""))},
		"nothing was said": {"", ended},
	} {
		t.Run(name, func(t *testing.T) {
			heard, all := make(chan struct{}), make(chan string, 1)
			upstream := newUpstream(t, switchAll(func(l *link) {
				before := make([]byte, len(test.before))
				_, _ = io.ReadFull(l.reader, before)
				close(heard)
				rest, _ := io.ReadAll(l.reader)
				all <- string(before) + string(rest)
			}))
			s := newSystem(t, []gateway.Route{balance(upstream.url(), webSocket)}, options{})
			c := s.tunnelled("/balance", bearer(s.token(nil)))
			c.send(test.before)
			<-heard
			s.revoke()
			require.Equal(t, closeFrame(4401, "token revoked"), c.read(17))
			if name == "after its Close" {
				require.Equal(t, test.want, <-all)
			} else {
				began := time.Now()
				c.send(masked(frame(text, "too late")))
				require.Equal(t, test.want, <-all)
				soonest = min(soonest, time.Since(began))
				require.NoError(t, c.conn.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
				_, err := c.reader.Peek(1)
				awaited = awaited || os.IsTimeout(err)
				require.NoError(t, c.conn.SetReadDeadline(time.Now().Add(patience)))
				c.send(masked(closeFrame(4401, "")))
			}
			require.True(t, c.isClosed())
		})
	}
	require.Less(t, soonest, closedWithin, "the upstream does not wait for the caller's answer to the Close")
	require.True(t, awaited, "the connection stays open for the caller's answer")
}

// Whoever does not answer a Close, or takes nothing at all, is cut off.
func TestAWebSocketEndsWithoutItsEnds(t *testing.T) {
	filled := make(chan struct{})
	upstream := newUpstream(t, switchAll(func(l *link) {
		data := bytes.Repeat([]byte(frame(text, strings.Repeat("x", 100))), 100)
		if l.number == 2 {
			l.write("%s", frame(text, "half")[:4])
		}
		for l.number == 1 {
			_ = l.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			if _, err := l.Write(data); err != nil {
				close(filled)
				break
			}
		}
		<-l.upstream.idle
	}))
	defer close(upstream.idle)
	s := newSystem(t, []gateway.Route{balance(upstream.url(), webSocket)}, options{})
	silent := s.tunnelled("/balance", bearer(s.token(nil)))
	deaf := s.tunnelled("/balance", bearer(s.token(nil)))
	<-filled
	halfway := s.tunnelled("/balance", bearer(s.token(nil)))
	require.Equal(t, frame(text, "half")[:4], halfway.read(4))
	began := time.Now()
	s.revoke()
	require.Eventually(t, func() bool { return s.gateway.WebSockets() == 0 }, patience, time.Millisecond)
	t.Logf("all were over after %s", time.Since(began))
	require.Equal(t, closeFrame(4401, "token revoked"), silent.read(17))
	require.True(t, silent.isClosed())
	require.True(t, halfway.isClosed(), "a Close would be taken for the other half")
	_, _ = io.Copy(io.Discard, deaf.reader)
}

// Whether one that is silent is given up is for its route to say; what one of the ends says keeps it open for both.
func TestASilentWebSocketIsClosedWhereItsRouteSaysSo(t *testing.T) {
	upstream := webSocketUpstream(t, echo)
	idle := websocket.CloseError{Code: websocket.StatusGoingAway, Reason: "idle"}
	inTime(t, 500*time.Millisecond, func(timeout time.Duration) bool {
		s := newSystem(t, []gateway.Route{
			balance(upstream.URL, webSocket, public, func(r *gateway.Route) { r.IdleTimeout = timeout }),
			balance(upstream.URL, webSocket, public, path("/patient")),
		}, options{config: func(c *gateway.Config) { c.Upstreams.IdleTimeout = timeout }})
		quiet, talking := s.open("/patient", nil), s.open("/balance", nil)
		silent := s.open("/balance", nil)
		var closed error
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _, closed = silent.Read(patient(t))
		}()
		isHeard := func() bool {
			answer, err := echoed(t, talking, "still here")
			return err == nil && answer == "still here"
		}
		for waiting := true; waiting; {
			select {
			case <-done:
				waiting = false
			case <-time.After(timeout / 10):
				if !isHeard() {
					return false // it was silent for too long
				}
			}
		}
		require.Equal(t, idle, errorOf(closed))
		says(t, quiet, "still here")
		return isHeard()
	})
}

func errorOf(err error) (closed websocket.CloseError) {
	errors.As(err, &closed)
	return closed
}

// ending tells what it was told of the end of a tunnel.
type ending chan gateway.TunnelEnd

func (ending) Begin(*fasthttp.RequestCtx) []byte { return nil }

func (e ending) Served(_ *fasthttp.RequestCtx, seen *gateway.Observation) {
	if seen.Tunnel != nil {
		seen.Tunnel.OnEnd(func(end gateway.TunnelEnd) { e <- end })
	}
}

func (ending) Cut(int, gateway.Failure) {}

func TestTheObserverHearsOfTheEnd(t *testing.T) {
	upstream := newUpstream(t, switchAll(func(l *link) {
		for {
			b, err := l.reader.ReadByte()
			if err != nil {
				return
			}
			l.write("%s", strings.Repeat(string(b), 2))
		}
	}))
	ends := make(ending, 1)
	s := newSystem(t, []gateway.Route{balance(upstream.url(), webSocket)}, options{config: func(c *gateway.Config) { c.Observer = ends }})
	c := s.tunnelled("/balance", bearer(s.token(nil)))
	c.send("abc")
	require.Equal(t, "aabbcc", c.read(6))
	require.NoError(t, c.conn.Close())
	end := <-ends
	require.Equal(t, "hung_up", end.Ending.String())
	require.Equal(t, [2]int64{3, 6}, [2]int64{end.Received, end.Sent})
	require.Positive(t, end.Took)

	c = s.tunnelled("/balance", bearer(s.token(nil)))
	s.revoke()
	said := closeFrame(4401, "token revoked")
	require.Equal(t, said, c.read(len(said)))
	c.send(masked(closeFrame(4401, "")))
	end = <-ends
	require.Equal(t, tunnel.TokenRevoked, end.Ending)
	require.EqualValues(t, len(said), end.Sent)
}
