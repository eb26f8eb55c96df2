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
