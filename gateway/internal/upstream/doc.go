// Package upstream is the gateway's side of HTTP/1 towards the upstreams: a Pool of connections to one origin, and the
// Exchange of one request for one answer.
//
// It owns when a connection is made, used again and closed, that a request is written once and never again, how an answer
// is read and where it ends, how long everything may take, and that nobody is waited for on behalf of a caller who left.
// Whether a connection is used again is decided here, from what was sent and read on it: no user of this package can make
// it carry a request of one user while it may still hold an answer to another.
//
// It leaves to the gateway what is in a request, where its body comes from, which fields of an answer pass, and what a
// caller is told of an error.
package upstream
