//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package upstream

import (
	"errors"
	"syscall"
)

// isHungUp sees the end of the stream only when nothing waits before it.
func isHungUp(fd uintptr) bool {
	var one [1]byte
	n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err == nil && n == 0 || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
}
