//go:build unix

package listener

import "syscall"

func halfOfDescriptors() int {
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) != nil {
		return 512
	}
	return int(min(max(files.Cur/2, 16), 1<<20))
}
