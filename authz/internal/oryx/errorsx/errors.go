// Package errorsx has the functions and interfaces of github.com/ory/x/errorsx that fosite v0.49.0 uses. How an error
// becomes an answer is decided by fosite and by authz, not here.
package errorsx

import "github.com/pkg/errors"

// WithStack adds the caller's stack to err, so that %+v prints it. An error that already says where it comes from, and
// nil, come back as they are.
func WithStack(err error) error {
	// The error itself is asked, not those that it wraps: a wrapper says nothing about where it was made.
	if traced, ok := err.(interface{ StackTrace() errors.StackTrace }); ok && len(traced.StackTrace()) > 0 {
		return err
	}
	return errors.WithStack(err)
}

// Cause follows Cause methods to the error at the beginning, and returns that. A method that returns nil is not followed.
func Cause(err error) error {
	for {
		caused, ok := err.(interface{ Cause() error })
		if !ok {
			return err
		}
		cause := caused.Cause()
		if cause == nil {
			return err
		}
		err = cause
	}
}

// StatusCodeCarrier is an error that knows its HTTP status.
type StatusCodeCarrier interface{ StatusCode() int }

// StatusCarrier is an error that knows the text of its HTTP status.
type StatusCarrier interface{ Status() string }

// RequestIDCarrier is an error that knows which request failed.
type RequestIDCarrier interface{ RequestID() string }

// ReasonCarrier is an error that can tell the client why.
type ReasonCarrier interface{ Reason() string }

// DebugCarrier is an error with details for the operator, which no client may see.
type DebugCarrier interface{ Debug() string }

// DetailsCarrier is an error with further members of its answer.
type DetailsCarrier interface{ Details() map[string]any }
