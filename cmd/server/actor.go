package main

import (
	"cmp"
	"os"
	"os/user"
	"strconv"
)

// defaultActor is who the audit records name for what is done at this terminal.
func defaultActor() string {
	name := "uid " + strconv.Itoa(os.Getuid()) // in a container there may be no names
	if current, err := user.Current(); err == nil {
		name = cmp.Or(current.Username, name)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return "cli " + name + "@" + host
}
