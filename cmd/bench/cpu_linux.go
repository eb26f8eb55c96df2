package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// cpuOfGroup is the processor time, user and kernel, that the living processes of a group have used since they started. It
// includes threads that have ended. The kernel counts it in nanoseconds.
func cpuOfGroup(group int) (time.Duration, error) {
	members, err := groupMembers(group)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, pid := range members {
		used, err := cpuOfProcess(pid)
		if errors.Is(err, unix.EINVAL) { // it has just ended
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
		}
		sum += used
	}
	return sum, nil
}

// cpuOfProcess reads the clock that clock_getcpuclockid(3) names.
func cpuOfProcess(pid int) (time.Duration, error) {
	const schedulerClock = 2
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedulerClock), &used); err != nil {
		return 0, err
	}
	return time.Duration(used.Nano()), nil
}

// groupMembers lists the processes of a group. There is at least one.
func groupMembers(group int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var members []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if of, err := unix.Getpgid(pid); err == nil && of == group {
			members = append(members, pid)
		}
	}
	if len(members) == 0 {
		return nil, fmt.Errorf("no process is left in group %d", group)
	}
	return members, nil
}

// memoryOfGroup sums over the processes of a group.
func memoryOfGroup(group int) (memory, error) {
	members, err := groupMembers(group)
	if err != nil {
		return memory{}, err
	}
	var sum memory
	for _, pid := range members {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return memory{}, err
		}
		sum.now += kilobytes(status, "VmRSS:")
		sum.peak += kilobytes(status, "VmHWM:")
	}
	return sum, nil
}

func kilobytes(status []byte, name string) int64 {
	_, rest, _ := bytes.Cut(status, []byte("\n"+name))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return n << 10
}

// busy is how long a core has been busy since the machine started, no matter with what; time that the host of a virtual
// machine took is included. The kernel counts it in ticks of 10 ms.
func busy(core int) (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	_, rest, found := bytes.Cut(stat, []byte("\ncpu"+strconv.Itoa(core)+" "))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	if !found {
		return 0, fmt.Errorf("/proc/stat has no core %d", core)
	}
	const (
		idle, ioWait, guest = 3, 4, 8
		tick                = 10 * time.Millisecond
	)
	var ticks int64
	for i, field := range bytes.Fields(line) {
		if i == idle || i == ioWait || i >= guest { // guest time is also counted as user time
			continue
		}
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
