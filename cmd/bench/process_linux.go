package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	startPatience = 60 * time.Second
	stopPatience  = 10 * time.Second
	readyEvery    = 10 * time.Millisecond
	logShown      = 4 << 10
)

// process is a program that runs as a process group of its own, with what it prints in a file.
type process struct {
	name   string
	group  int
	log    string
	exited chan struct{} // closed once Wait has returned
	exit   error         // how it ended, from then on
}

// startProcess runs a command in dir. What it prints goes to the file log there.
func startProcess(name, dir string, command, environment []string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, "log"), exited: make(chan struct{})}
	output, err := os.OpenFile(p.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }()
	run := exec.Command(command[0], command[1:]...)
	run.Dir, run.Env = dir, append(os.Environ(), environment...)
	run.Stdout, run.Stderr = output, output
	run.SysProcAttr = endsWithUs()
	if err := run.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.group = run.Process.Pid
	go func() {
		p.exit = run.Wait()
		close(p.exited)
	}()
	return p, nil
}

// await polls until ready reports no error.
func (p *process) await(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return p.failed(fmt.Errorf("ended at its start: %w", errors.Join(p.exit, err)))
		case <-ctx.Done():
			return p.failed(fmt.Errorf("is not ready: %w", errors.Join(ctx.Err(), err)))
		case <-time.After(readyEvery):
		}
	}
}

// failed adds what the process printed last to an error.
func (p *process) failed(err error) error {
	printed, _ := os.ReadFile(p.log)
	return fmt.Errorf("%s: %w\n%s", p.name, err, printed[max(0, len(printed)-logShown):])
}

// stop ends the whole group and waits for its leader.
func (p *process) stop() {
	_ = syscall.Kill(-p.group, syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopPatience):
	}
	_ = syscall.Kill(-p.group, syscall.SIGKILL) // who has not listened, and workers whose leader is gone
	<-p.exited
}

// answers is ready when a GET of url gets any answer but a failure of the server.
func answers(url string) func(context.Context) error {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode >= http.StatusInternalServerError {
			text, _ := io.ReadAll(io.LimitReader(response.Body, logShown))
			return fmt.Errorf("%s: %s", response.Status, text)
		}
		return nil
	}
}

// freeAddress is one on loopback that nobody listens on now. Its port is below those that the system gives to clients, so
// that it stays free until the program that it is for has started.
func freeAddress() (string, error) {
	const first, count, tries = 20_000, 12_000, 100
	var err error
	for range tries {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(count)))
		var free net.Listener
		if free, err = net.Listen("tcp", address); err == nil {
			return address, free.Close()
		}
	}
	return "", err
}
