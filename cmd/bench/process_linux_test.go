package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAProcessIsStoppedWithItsWorkers(t *testing.T) {
	dir := t.TempDir()
	// The leader ends when it is asked to, and leaves a worker behind that does not listen.
	script := `sh -c 'trap "" TERM; echo $$ >worker.new; mv worker.new worker; while :; do sleep 1; done' & trap "exit 0" TERM; wait`
	p, err := startProcess("leader", dir, []string{"sh", "-c", script}, nil)
	require.NoError(t, err)
	var worker []byte
	require.NoError(t, p.await(t.Context(), func(context.Context) error {
		worker, err = os.ReadFile(filepath.Join(dir, "worker"))
		return err
	}))
	pid, err := strconv.Atoi(strings.TrimSpace(string(worker)))
	require.NoError(t, err)
	members, err := groupMembers(p.group)
	require.NoError(t, err)
	require.Contains(t, members, pid)

	p.stop()
	require.Eventually(t, func() bool { return isGone(pid) }, 10*time.Second, time.Millisecond)
}

// isGone is also true for a process that nobody has waited for yet.
func isGone(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) || strings.Contains(string(stat), ") Z ")
}

func TestAProcessThatEndsAtOnceSaysWhy(t *testing.T) {
	p, err := startProcess("broken", t.TempDir(), []string{"sh", "-c", "echo the port is taken >&2; exit 3"}, nil)
	require.NoError(t, err)
	defer p.stop()
	err = p.await(t.Context(), func(context.Context) error { return errors.New("not yet") })
	require.ErrorContains(t, err, "broken")
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "the port is taken")
}

func TestWhoLetsAForgeryPassIsNotMeasured(t *testing.T) {
	m, err := newMint()
	require.NoError(t, err)
	b := &bench{mint: m}
	c := &Contestant{Tokens: Tokens{Algorithm: "ES256"}, Refuses: []string{"signature"}}
	c.Target = rawServer(t, func() string { return "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n" })
	require.NoError(t, b.refuses(t.Context(), c))
	c.Target = rawServer(t, func() string { return string(upstreamAnswer) })
	require.ErrorContains(t, b.refuses(t.Context(), c), "wrong in its signature was answered with 200")
}
