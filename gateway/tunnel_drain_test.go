package gateway_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

func TestDrainClosesEveryWebSocket(t *testing.T) {
	upstream := webSocketUpstream(t, echo)
	s := newSystem(t, []gateway.Route{balance(upstream.URL, webSocket, public)}, options{})
	first, second := s.open("/balance", nil), s.open("/balance", nil)
	says(t, first, "hello")
	drained := make(chan error, 1)
	go func() { drained <- s.gateway.Drain(patient(t)) }()
	require.Equal(t, "server is stopping", requireClosed(t, first, websocket.StatusGoingAway))
	require.Equal(t, "server is stopping", requireClosed(t, second, websocket.StatusGoingAway))
	require.NoError(t, <-drained)
	require.Zero(t, s.gateway.WebSockets())
	requireRefused(t, s.do(handshake("/balance")), 503, "temporarily_unavailable")
	require.Equal(t, 426, s.do(raw("GET /balance")).StatusCode, "what the upstream says to an ordinary request")
	require.NoError(t, s.gateway.Drain(patient(t)), "twice is not once too often")
}

// Nobody answers the Close.
func TestDrainCutsBothSocketsWhenItsTimeIsOver(t *testing.T) {
	upstream := newUpstream(t, switchAll(func(l *link) { l.Hold() }))
	defer upstream.Release()
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public)}, options{})
	c := s.tunnelled("/balance")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.gateway.Drain(ctx), context.Canceled)
	require.Zero(t, s.gateway.WebSockets())
	upstream.AwaitEnd(0)
	_, err := io.Copy(io.Discard, c.Reader)
	require.NoError(t, err)
}

func TestDrainDoesNotWaitForATunnelThatNeverBegins(t *testing.T) {
	s, upstream := tunnelThatNeverBegins(t)
	require.Eventually(t, func() bool { return s.gateway.WebSockets() == 1 }, patience, time.Millisecond)
	require.NoError(t, s.gateway.Drain(patient(t)))
	upstream.AwaitClosed(0)
}

// The upstream has agreed to a WebSocket that is not opened any more: its connection is closed, and its place is free.
func TestDrainClosesWhatIsNotOpenedAnyMore(t *testing.T) {
	upstream := newUpstream(t, func(l *link) {
		for l.ReadRequest() {
			if len(l.Last.Values("Upgrade")) > 0 {
				l.Hold()
				l.Say(switching())
				_, _ = io.Copy(io.Discard, l.Reader)
				return
			}
		}
	})
	s := newSystem(t, []gateway.Route{balance(upstream.URL(), webSocket, public)}, options{config: func(c *gateway.Config) {
		c.Upstreams.MaxWebSockets, c.Upstreams.ConnWait = 1, time.Millisecond
	}})
	c := s.dial()
	c.Send(handshake("/balance"))
	upstream.Only()
	require.NoError(t, s.gateway.Drain(patient(t)))
	upstream.Release()
	requireRefused(t, c.Receive("GET"), 503, "temporarily_unavailable")
	upstream.AwaitClosed(0)
	again := s.do(handshake("/balance"))
	require.Contains(t, again.Body, "stopping", "it is not for lack of a place")
}
