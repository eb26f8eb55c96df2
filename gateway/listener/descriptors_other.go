//go:build !unix

package app

// maxConnections is how many callers may be connected at a time; more wait to be accepted.
func maxConnections() int { return 8192 }
