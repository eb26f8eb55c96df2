//go:build !unix

package listener

func halfOfDescriptors() int { return 8192 }
