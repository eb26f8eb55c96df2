package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// adminListener answers as the admin listener of a server that is alive, and ready or not.
func adminListener(t *testing.T, ready int) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/healthz")
		w.WriteHeader(ready)
		_, _ = io.WriteString(w, `{"denylist":"not loaded yet"}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// runServer runs the program with arguments and returns what it printed and how it ended.
func runServer(t *testing.T, arguments ...string) (printed string, err error) {
	t.Helper()
	var out bytes.Buffer
	command := newCommand()
	command.SetArgs(arguments)
	command.SetOut(&out)
	command.SetErr(&out)
	err = command.ExecuteContext(t.Context())
	return out.String(), err
}

func TestHealthSaysWhetherTheServerIsReady(t *testing.T) {
	for name, c := range map[string]struct {
		status    int
		arguments []string
		problem   string
	}{
		"ready":                    {http.StatusOK, nil, ""},
		"not ready":                {http.StatusServiceUnavailable, nil, "not loaded yet"},
		"not ready, but alive":     {http.StatusServiceUnavailable, []string{"--live"}, ""},
		"a redirect to what is ok": {http.StatusFound, nil, "302"},
	} {
		t.Run(name, func(t *testing.T) {
			server := adminListener(t, c.status)
			printed, err := runServer(t, append([]string{"health", "--url", server.URL + "/"}, c.arguments...)...)
			require.Empty(t, printed)
			if c.problem == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.problem)
			require.NotErrorIs(t, err, errConfiguration, "the exit code is 1: a health check knows no other failure")
		})
	}
}

func TestHealthAsksTheConfiguredAdminListener(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.Host }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	for host, reached := range map[string]string{
		"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "127.0.0.1", "127.0.0.1": "127.0.0.1", "localhost": "localhost",
	} {
		t.Run("host "+host, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config.yaml")
			text := fmt.Sprintf("admin: {listen: %q}\nissuer: nonsense\nunknown: key\n", host+":"+port)
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			_, err := runServer(t, "health", "--config", file)
			require.NoError(t, err, "the rest of the configuration does not matter")
			require.Equal(t, reached+":"+port, asked)

			t.Setenv("GATEHOUSE_ADMIN_LISTEN", "127.0.0.1:1")
			_, err = runServer(t, "health", "--config", file)
			require.ErrorContains(t, err, "127.0.0.1:1", "the environment wins, as for the server")

			t.Setenv("GATEHOUSE_ADMIN_LISTEN", host+":"+port)
			_, err = runServer(t, "health", "--config", filepath.Join(t.TempDir(), "missing.yaml"))
			require.NoError(t, err, "nor need there be a file")
		})
	}
}

func TestHealthDoesNotWaitForAServerThatIsSilent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	_, err = runServer(t, "health", "--url", "http://"+listener.Addr().String())
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
