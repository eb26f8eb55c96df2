package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// burnInstead in the environment makes the tests' own binary a process that uses processor time, and then waits.
const burnInstead = "GATEHOUSE_BENCH_TESTS_BURN"

func TestMain(m *testing.M) {
	if os.Getenv(burnInstead) != "" {
		burn()
		return
	}
	os.Exit(m.Run())
}

// burn uses processor time, prints how much by its own account, and waits until its input ends.
func burn() {
	var used syscall.Rusage
	account := func() time.Duration {
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
		return time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	for account() < 150*time.Millisecond {
	}
	fmt.Println(account().Nanoseconds())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// burner starts a burning process in a group, 0 for one of its own, and returns its account and its id.
func burner(t *testing.T, group int) (used time.Duration, pid int) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), burnInstead+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: group}
	input, err := command.StdinPipe()
	require.NoError(t, err)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = input.Close()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	_, err = fmt.Sscan(line, &used)
	require.NoError(t, err)
	return used, command.Process.Pid
}

func TestProcessorTimeOfAGroupIsWhatItsProcessesUsed(t *testing.T) {
	const margin = 100 * time.Millisecond // for what a process does before it looks and after; less than one process uses
	first, group := burner(t, 0)
	read, err := cpuOfGroup(group)
	require.NoError(t, err)
	require.InDelta(t, first, read, float64(margin))

	second, _ := burner(t, group)
	read, err = cpuOfGroup(group)
	require.NoError(t, err)
	require.InDelta(t, first+second, read, float64(margin), "a worker's time belongs to its group")
}

func TestProcessorTimeOfNobody(t *testing.T) {
	_, err := cpuOfGroup(1 << 22)
	require.ErrorContains(t, err, "no process")
}

func TestMemoryIsThatOfTheKernel(t *testing.T) {
	own, err := memoryOfGroup(syscall.Getpgrp())
	require.NoError(t, err)
	require.Greater(t, own.now, int64(1<<20))
	require.GreaterOrEqual(t, own.peak, own.now)
}
