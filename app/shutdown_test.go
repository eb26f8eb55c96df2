package app_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// heldUpstream answers when it is told to, and says when a request has come.
func heldUpstream(t *testing.T) (url string, came <-chan struct{}, release func()) {
	t.Helper()
	arrived, released := make(chan struct{}, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-released
		_, _ = io.WriteString(w, "done")
	}))
	once := make(chan struct{}, 1)
	release = func() {
		select {
		case once <- struct{}{}:
			close(released)
		default:
		}
	}
	t.Cleanup(func() { release(); server.Close() })
	return server.URL, arrived, release
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

// kept is a connection that stays open between requests.
type kept struct {
	t      testing.TB
	conn   net.Conn
	reader *bufio.Reader
}

func (r *running) keep() *kept {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.app.Addr().String())
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = conn.Close() })
	require.NoError(r.t, conn.SetDeadline(time.Now().Add(startTimeout)))
	return &kept{r.t, conn, bufio.NewReader(conn)}
}

func (k *kept) ask(path string) *http.Response {
	k.t.Helper()
	_, err := fmt.Fprintf(k.conn, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path)
	require.NoError(k.t, err)
	response, err := http.ReadResponse(k.reader, nil)
	require.NoError(k.t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(k.t, err)
	return response
}

func TestARequestInFlightIsAnsweredBeforeTheProcessStops(t *testing.T) {
	upstream, came, release := heldUpstream(t)
	r := start(t, testConfig(upstream))
	token := r.consent(r.register(), 1, "balance:read").access
	answered := make(chan answer, 1)
	go func() { defer close(answered); answered <- r.balance(token) }()
	<-came

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

	release()
	a := <-answered
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "done", a.body)
	require.NoError(t, await(t, stopped))
}

func TestAProcessGoesOnWhileLoadBalancersLearnThatItStops(t *testing.T) {
	config := testConfig(echoUpstream(t))
	config.Shutdown.Delay = time.Hour
	r := start(t, config)
	before := r.keep()
	require.False(t, before.ask("/oauth/scopes").Close)
	after := r.keep()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped := r.stopping(ctx)
	r.awaitDraining()
	for _, connection := range []*kept{before, after} {
		last := connection.ask("/oauth/scopes")
		require.Equal(t, http.StatusOK, last.StatusCode)
		require.True(t, last.Close, "the next request is for another process")
		_, err := connection.reader.ReadByte()
		require.ErrorIs(t, err, io.EOF)
	}
	require.Equal(t, http.StatusOK, r.do(http.MethodGet, r.public+"/oauth/scopes", nil, nil).status)
	require.Empty(t, stopped)
	require.Eventually(t, func() bool { return r.scrape()["gatehouse_connections"] == 0 }, startTimeout, time.Millisecond)
	cancel()
	require.NoError(t, await(t, stopped), "nothing was in flight")
}

func TestARequestThatTakesTooLongDoesNotKeepTheProcess(t *testing.T) {
	upstream, came, release := heldUpstream(t)
	config := testConfig(upstream)
	config.Shutdown.Timeout = 10 * time.Millisecond
	r := start(t, config)
	token := r.consent(r.register(), 1, "balance:read").access
	answered := make(chan answer, 1)
	go func() { defer close(answered); answered <- r.balance(token) }()
	<-came
	require.ErrorIs(t, await(t, r.stopping(t.Context())), context.DeadlineExceeded)
	release()
	<-answered
}

func TestConnectionsWithoutARequestDoNotKeepTheProcess(t *testing.T) {
	config := testConfig(echoUpstream(t))
	config.Shutdown.Timeout = 10 * time.Second // less than a connection may take for its first request
	r, book := startLogged(t, config)
	silent := r.keep()
	idle := r.keep()
	idle.ask("/oauth/scopes") // by now the silent one was accepted too
	require.NoError(t, await(t, r.stopping(t.Context())))
	for _, connection := range []*kept{silent, idle} {
		_, err := connection.reader.ReadByte()
		require.Error(t, err)
	}
	require.Len(t, book.requests(t), 1, "a connection is no request")
}
