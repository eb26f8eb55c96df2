package oauth2server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is generous: a slow machine is no failure.
const patience = 60 * time.Second

// jwtSecret is oauth2server's in its own example: shorter than new installations may have.
const jwtSecret = "12345"

// programs are the two servers, built once: "gatehouse" is the production server.
var programs string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	var err error
	if programs, err = os.MkdirTemp("", "oauth2server"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(programs)
	for name, source := range map[string]string{"gatehouse": "../server", "mock_server": "../mock_server"} {
		build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(programs, name), source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // as a release is built
		if output, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, output)
			return 1
		}
	}
	return m.Run()
}

// newUpstream stands in for lndhub.go and says what it was asked, for whom and by which client.
func newUpstream(t *testing.T) string {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		said := map[string]any{"asked": r.Method + " " + r.URL.RequestURI()}
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			claims := lndhubClaims(token)
			said["user"], said["client"] = claims["id"], claims["clientId"]
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(said)
	}))
	t.Cleanup(upstream.Close)
	return upstream.URL
}

// targetsFile is oauth2server's routes file, as an operator has it.
func targetsFile(t *testing.T, upstream string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "targets.json")
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(`[
	{"matchRoute": "/balance", "origin": "UPSTREAM", "description": "Read your balance.", "scope": "balance:read", "method": "GET"},
	{"matchRoute": "/invoices", "origin": "UPSTREAM/v2", "description": "Create invoices on your behalf.", "scope": "invoices:create", "method": "POST"},
	{"matchRoute": "/invoices/{payment_hash}", "origin": "UPSTREAM/v2", "description": "Read your invoices.", "scope": "invoices:read", "method": "GET"},
	{"matchRoute": "/rates", "origin": "UPSTREAM", "description": "Read your balance.", "scope": "balance:read", "method": "GET", "allowPublicAccess": true}
]`, "UPSTREAM", upstream)), 0o600))
	return file
}

// running is a server that runs as a process of its own until the test ends.
type running struct {
	place
	log *log
}

// log is what a server printed.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(line + "\n")
}

// start runs a program with nothing but the environment, and waits until found says where it serves.
func start(t *testing.T, program string, args, environment []string, found func(line []byte) (place, bool)) running {
	t.Helper()
	command := exec.Command(filepath.Join(programs, program), args...)
	command.Dir, command.Env = t.TempDir(), environment
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	command.Stdout, command.Stderr = writer, writer
	require.NoError(t, command.Start())
	require.NoError(t, writer.Close())
	r := running{log: &log{}}
	serving, ended := make(chan place, 1), make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(reader)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			r.log.add(lines.Text())
			if at, ok := found(lines.Bytes()); ok {
				serving <- at
			}
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
		defer kill.Stop()
		<-ended
		require.NoError(t, command.Wait(), "%s", r.log)
		if t.Failed() {
			t.Logf("%s said:\n%s", program, r.log)
		}
	})
	select {
	case r.place = <-serving:
		return r
	case <-ended:
		require.FailNow(t, "the server has not started", r.log.String())
	case <-time.After(patience):
		require.FailNow(t, "the server does not serve", r.log.String())
	}
	panic("unreachable")
}

// startMock runs the mock server, whose admin API is on its public port as oauth2server's is.
func startMock(t *testing.T, environment ...string) running {
	t.Helper()
	var at place
	return start(t, "mock_server", nil, append([]string{"PORT=0", "MOCK_SERVER_PORT=0", "DEMO_PORT=0", "JWT_SECRET=" + jwtSecret}, environment...),
		func(line []byte) (place, bool) {
			var l struct{ Msg, Service, URL string }
			if json.Unmarshal(line, &l) != nil {
				return at, false
			}
			if l.Msg == "listening" && l.Service != "wallet" {
				at = place{l.URL, l.URL, jwtSecret}
			}
			return at, l.Msg == "ready"
		})
}

// startGatehouse runs the production server.
func startGatehouse(t *testing.T, environment ...string) running {
	t.Helper()
	r := start(t, "gatehouse", []string{"serve"}, environment, func(line []byte) (place, bool) {
		var l struct{ Msg, Listen, Admin string }
		if json.Unmarshal(line, &l) != nil || l.Msg != "serving" {
			return place{}, false
		}
		return place{"http://" + l.Listen, "http://" + l.Admin, jwtSecret}, true
	})
	require.Eventually(t, func() bool {
		response, err := http.Get(r.admin + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, patience, 10*time.Millisecond)
	return r
}
