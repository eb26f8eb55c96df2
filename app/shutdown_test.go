package app_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/gatewaytest"
)

// heldUpstream answers when it is released.
func heldUpstream(t *testing.T) *gatewaytest.Upstream {
	return gatewaytest.NewUpstream(t, func(l *gatewaytest.Conn) {
		for l.ReadRequest() {
			l.Hold()
			l.Say(gatewaytest.WithLength("done"))
		}
	})
}

// stopping tells the process to stop and returns what says when it has.
func (r *running) stopping(ctx context.Context) <-chan error {
	stopped := make(chan error, 1)
	gatehouse := r.app
	r.app = nil
	go func() { stopped <- gatehouse.Stop(ctx) }()
	return stopped
}

func (r *running) awaitDraining() {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		a := r.do(http.MethodGet, r.admin+"/readyz", nil, nil)
		return a.status == http.StatusServiceUnavailable && a.json(r.t)["status"] == "draining"
	}, startTimeout, time.Millisecond)
}

func await(t *testing.T, stopped <-chan error) error {
	t.Helper()
	select {
	case err := <-stopped:
		return err
	case <-time.After(startTimeout):
		require.Fail(t, "it does not stop")
		return nil
	}
}

func TestARequestInFlightIsAnsweredBeforeTheProcessStops(t *testing.T) {
	upstream := heldUpstream(t)
	r := start(t, testConfig(upstream.URL()))
	token := r.consent(r.register(), 1, "balance:read").access
	answered := make(chan answer, 1)
	go func() { defer close(answered); answered <- r.balance(token) }()
	upstream.Only()

	address := r.app.Addr().String()
	stopped := r.stopping(t.Context())
	require.Eventually(t, func() bool {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	}, startTimeout, time.Millisecond, "no more connections are accepted")
	r.awaitDraining()
	require.Empty(t, stopped)

	upstream.Release()
	a := <-answered
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "done", a.body)
	require.NoError(t, await(t, stopped))
}

func TestAProcessGoesOnWhileLoadBalancersLearnThatItStops(t *testing.T) {
	config := testConfig(echoUpstream(t))
	config.Shutdown.Delay = time.Hour
	r := start(t, config)
	before := r.dial()
	require.False(t, before.Do(scopes).Close)
	after := r.dial()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped := r.stopping(ctx)
	r.awaitDraining()
	for _, connection := range []*gatewaytest.Caller{before, after} {
		last := connection.Do(scopes)
		require.Equal(t, http.StatusOK, last.StatusCode)
		require.True(t, last.Close, "the next request is for another process")
		_, err := connection.Reader.ReadByte()
		require.ErrorIs(t, err, io.EOF)
	}
	require.Equal(t, http.StatusOK, r.do(http.MethodGet, r.public+"/oauth/scopes", nil, nil).status)
	require.Empty(t, stopped)
	require.Eventually(t, func() bool { return r.scrape()["gatehouse_connections"] == 0 }, startTimeout, time.Millisecond)
	cancel()
	require.NoError(t, await(t, stopped), "nothing was in flight")
}

func TestARequestThatTakesTooLongDoesNotKeepTheProcess(t *testing.T) {
	upstream := heldUpstream(t)
	config := testConfig(upstream.URL())
	config.Shutdown.Timeout = 10 * time.Millisecond
	r := start(t, config)
	token := r.consent(r.register(), 1, "balance:read").access
	answered := make(chan answer, 1)
	go func() { defer close(answered); answered <- r.balance(token) }()
	upstream.Only()
	require.ErrorIs(t, await(t, r.stopping(t.Context())), context.DeadlineExceeded)
	upstream.Release()
	<-answered
}

func TestConnectionsWithoutARequestDoNotKeepTheProcess(t *testing.T) {
	config := testConfig(echoUpstream(t))
	config.Shutdown.Timeout = 10 * time.Second // less than a connection may take for its first request
	r, book := startLogged(t, config)
	silent := r.dial()
	idle := r.dial()
	idle.Do(scopes) // by now the silent one was accepted too
	require.NoError(t, await(t, r.stopping(t.Context())))
	for _, connection := range []*gatewaytest.Caller{silent, idle} {
		_, err := connection.Reader.ReadByte()
		require.Error(t, err)
	}
	require.Len(t, book.requests(t), 1, "a connection is no request")
}
