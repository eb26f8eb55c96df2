package upstream

import (
	"errors"
	"io"
	"net"
)

// What can go wrong. Besides these there are errors of the network (net.Error), and those of the caller's body, which come
// back as they were. None of them quotes what the upstream has said: that belongs to a user and not in a log.
var (
	// ErrBusy is of Acquire alone: all connections were in use for as long as a request may wait.
	ErrBusy = errors.New("all connections to the upstream are in use")
	// ErrOverShare is of Acquire alone: the caller had as many as one user may have, for as long as a request may wait.
	ErrOverShare = errors.New("the user has as many requests at the upstream as one may have")
	// ErrTooSlow is an upstream that let one of the timeouts pass.
	ErrTooSlow = errors.New("the upstream was too slow")
	// ErrBrokeOff is a connection that ended before the answer did.
	ErrBrokeOff = errors.New("the upstream broke off")
	// ErrNotHTTP is an answer that is malformed, or whose end could be understood in two ways.
	ErrNotHTTP = errors.New("the answer is not valid HTTP/1.1")
	// ErrUpgraded is an answer of 101 to a request that did not ask for one.
	ErrUpgraded = errors.New("the upstream changed protocols without being asked")
	// ErrCallerGone is a caller who closed the connection. The upstream has done nothing wrong.
	ErrCallerGone = errors.New("the caller went away")
	// ErrState is a method of an Exchange that may not be called now. It has done nothing.
	ErrState = errors.New("the exchange is not in a state for this")
)

// badChunks is an ErrNotHTTP that says more.
type badChunks struct{ error }

func (badChunks) Is(target error) bool { return target == ErrNotHTTP }

// readError keeps the causes that a log may show.
func (c *conn) readError(err error) error {
	var network *net.OpError
	switch {
	case c.waiting.refused != nil:
		return c.waiting.refused
	case errors.As(err, &network):
		return network
	case errors.Is(err, ErrCallerGone):
		return ErrCallerGone
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, ErrBrokeOff):
		return ErrBrokeOff
	case errors.Is(err, ErrTooSlow):
		return ErrTooSlow
	}
	return ErrNotHTTP
}
