package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// availableCores are the cores that this process may run on.
func availableCores() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("which cores there are: %w", err)
	}
	var cores []int
	for core := range len(set) * 64 {
		if set.IsSet(core) {
			cores = append(cores, core)
		}
	}
	return cores, nil
}

// stayOn keeps this process on the cores: all its threads, and the threads and processes that they start.
func stayOn(cores []int) error {
	var set unix.CPUSet
	for _, core := range cores {
		set.Set(core)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("stay on cores %v: %w", cores, err)
		}
	}
	return nil
}

// onCore makes command run on one core by taskset. Without taskset a Go program uses one core at a time, but any of them.
func onCore(core int, command []string, environment []string) ([]string, []string) {
	if taskset, err := exec.LookPath("taskset"); err == nil {
		return append([]string{taskset, "--cpu-list", strconv.Itoa(core)}, command...), environment
	}
	return command, append(environment, "GOMAXPROCS=1")
}

// endsWithUs makes a process the leader of a group, and asks it to end when the bench is killed.
func endsWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
