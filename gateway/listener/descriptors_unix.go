//go:build unix

package listener

import "syscall"

// Descriptors is how many files and connections the process may have open; 0 when that is not known.
func Descriptors() int {
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) != nil {
		return 0
	}
	return int(min(files.Cur, 1<<30))
}
