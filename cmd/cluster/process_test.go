package cluster_test

import (
	"bytes"
	"cmp"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	patience = 30 * time.Second
	tick     = 10 * time.Millisecond
)

// process is a program that can be killed and started again with the same arguments.
type process struct {
	t       *testing.T
	name    string
	command func() *exec.Cmd
	ready   func() bool
	// stopBy asks it to end; SIGTERM unless it says otherwise.
	stopBy  syscall.Signal
	running *exec.Cmd
	ended   chan struct{}
	output  tail
}

func (p *process) start() {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		p.launch()
		for p.alive() && time.Now().Before(deadline) {
			if p.ready() {
				return
			}
			time.Sleep(tick)
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s did not become ready:\n%s", p.name, p.output.String())
		}
		time.Sleep(10 * tick) // it could not start yet, perhaps because what it was before is still ending
	}
}

func (p *process) launch() {
	p.t.Helper()
	cmd := p.command()
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // so that all its children can be killed with it
	require.NoError(p.t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	p.running, p.ended = cmd, ended
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the process and its children as kill -9 does: nothing is said and nothing is saved.
func (p *process) kill() {
	if p.running == nil {
		return
	}
	_ = syscall.Kill(-p.running.Process.Pid, syscall.SIGCONT)
	_ = syscall.Kill(-p.running.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// terminate asks the process to end and waits until it has.
func (p *process) terminate() {
	p.t.Helper()
	require.NoError(p.t, p.running.Process.Signal(cmp.Or(p.stopBy, syscall.SIGTERM)))
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("%s does not stop:\n%s", p.name, p.output.String())
	}
}

func (p *process) signal(signal syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.running.Process.Signal(signal))
}

// answers is a readiness check by HTTP. It waits for long: a machine that stands still makes no server unready.
func answers(url string) func() bool {
	client := &http.Client{Timeout: patience}
	return func() bool {
		response, err := client.Get(url)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	}
}

// givenOut are the addresses of freeAddress: a server that has not started yet, or is away, keeps its own.
var givenOut sync.Map

// freeAddress is an address on loopback that nobody listens on and nobody else was given. Its port is below those that the
// system gives to clients, so that none of them takes it before the server that it is for has started.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20_000+rand.IntN(12_000)))
		if _, isTaken := givenOut.LoadOrStore(address, true); isTaken {
			continue
		}
		if listener, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, listener.Close())
			return address
		}
	}
}

// tail keeps the end of what a process prints, for the message when it fails.
type tail struct {
	mu   sync.Mutex
	last []byte
}

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if len(t.last) > tailSize {
		t.last = bytes.Clone(t.last[len(t.last)-tailSize:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.last)
}

func requireProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); errors.Is(err, exec.ErrNotFound) {
		t.Skipf("%s is not installed; `make test` installs it", name)
	}
}
