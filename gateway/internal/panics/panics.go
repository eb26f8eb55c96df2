// Package panics makes errors of panics, so that they end what they happen in and nothing else, and are logged in one place.
package panics

import (
	"fmt"
	"runtime/debug"
)

// Error is a panic that was recovered.
type Error struct {
	Value any
	Stack []byte
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Catch has to be deferred itself. It stops a panic and leaves an *Error in err, which otherwise stays as it is.
func Catch(err *error) {
	if value := recover(); value != nil {
		*err = &Error{Value: value, Stack: debug.Stack()}
	}
}

// Do calls work, and returns the panic that ended it.
func Do(work func()) (err error) {
	defer Catch(&err)
	work()
	return nil
}
