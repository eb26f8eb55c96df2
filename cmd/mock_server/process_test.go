package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startTimeout is generous: a slow machine is no failure.
const startTimeout = 60 * time.Second

var mockBinary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

// buildAndRun builds the program once for all tests.
func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mock_server")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	mockBinary = filepath.Join(dir, "mock_server")
	build := exec.Command("go", "build", "-trimpath", "-o", mockBinary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as a release is built
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, output)
		return 1
	}
	return m.Run()
}

// mockProcess is a running mock server and what it printed.
type mockProcess struct {
	t       *testing.T
	command *exec.Cmd
	logs    *bytes.Buffer
	exited  chan error
	App     string
	Issuer  string
	Wallet  string
	First   string // what the first line is about

	PortTaken int
	UserJWT   string
	Tokens    tokens
	Commands  []step
}

// line is one of the JSON lines that the mock server prints when nobody looks.
type line struct {
	Msg, Service, URL, JWT string
	tokens
	Name, Says, Command string
	PortTaken           int `json:"port_taken"`
}

// startMock runs the mock server on free ports until the test ends, and waits until it is ready.
func startMock(t *testing.T, environment ...string) *mockProcess {
	t.Helper()
	m := &mockProcess{t: t, logs: &bytes.Buffer{}, exited: make(chan error, 1)}
	m.command = exec.Command(mockBinary, "--tour")
	m.command.Env = append(os.Environ(), "PORT=0", "MOCK_SERVER_PORT=0", "DEMO_PORT=0", "JWT_SECRET=test-secret", "TARGET_FILE=")
	m.command.Env = append(m.command.Env, environment...)
	m.command.Stderr = m.logs
	output, err := m.command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, m.command.Start())
	kill := time.AfterFunc(startTimeout, func() { _ = m.command.Process.Kill() })

	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for ready := false; !ready && lines.Scan(); {
		ready = m.read(lines.Bytes())
	}
	running := kill.Stop()
	go func() {
		for lines.Scan() { // Wait may not be called before the pipe was read
		}
		m.exited <- m.command.Wait()
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("mock server's log:\n%s", m.logs)
		}
	})
	t.Cleanup(func() { m.stop(syscall.SIGTERM) })
	require.True(t, running && m.Tokens.AccessToken != "", "the mock server did not start")
	return m
}

// read takes in a line and reports whether it was the last one.
func (m *mockProcess) read(text []byte) (ready bool) {
	var l line
	require.NoError(m.t, json.Unmarshal(text, &l), "%s", text)
	if m.First == "" {
		m.First = l.Msg
	}
	switch l.Msg {
	case "demo application":
		m.App, m.PortTaken = l.URL, l.PortTaken
	case "listening":
		if l.Service == "wallet" {
			m.Wallet = l.URL
		} else {
			m.Issuer = l.URL
		}
	case "user":
		m.UserJWT = l.JWT
	case "tokens":
		m.Tokens = l.tokens
	case "command":
		m.Commands = append(m.Commands, step{l.Name, l.Says, l.Command})
	}
	return l.Msg == "ready"
}

// stop ends the process by a signal, and requires that it ends well.
func (m *mockProcess) stop(signal os.Signal) {
	m.t.Helper()
	if m.exited == nil {
		return
	}
	_ = m.command.Process.Signal(signal) // it may have ended, which Wait tells
	kill := time.AfterFunc(startTimeout, func() { _ = m.command.Process.Kill() })
	defer kill.Stop()
	require.NoError(m.t, <-m.exited, "exit of the mock server")
	m.exited = nil
}
