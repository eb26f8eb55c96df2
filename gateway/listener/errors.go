package listener

import "errors"

// What a read of a connection fails with when the caller breaks the rules. Nothing is read of the connection after it.
var (
	// ErrMalformedRequest is a request whose end could be understood in two ways (RFC 9112 sections 6 and 7).
	ErrMalformedRequest = errors.New("the request is malformed")
	// ErrHeaderTooLarge is a head, with the trailers that may follow, of more bytes or fields than Limits allows.
	ErrHeaderTooLarge = errors.New("the request header is too large")
)
