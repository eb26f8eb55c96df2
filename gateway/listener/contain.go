package listener

import (
	"errors"
	"runtime/debug"
)

// errPanicked is what fails where something panicked.
var errPanicked = errors.New("a panic ended the connection")

// contain is deferred around what is done for one connection, so that a panic there ends that connection and not the
// process. It logs the panic with its stack, and sets the error, if there is one to set.
func (l *Listener) contain(doing string, err *error) {
	panicked := recover()
	if panicked == nil {
		return
	}
	if err != nil {
		*err = errPanicked
	}
	l.config.Log.Error("a panic ended a connection", "doing", doing, "panic", panicked, "stack", string(debug.Stack()))
}
