//go:build unix

package app

import "syscall"

// maxConnections leaves half of the file descriptors to what callers need: upstreams, Redis and the database. More callers
// wait to be accepted.
func maxConnections() int {
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) != nil {
		return 512
	}
	return int(min(max(files.Cur/2, 16), 1<<20))
}
