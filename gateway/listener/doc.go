// Package listener is the callers' side of HTTP/1: it accepts connections, completes TLS, finds where each request ends,
// and bounds what callers may send, how long they may take and how many may be connected.
//
// It decides where a request ends. It leaves to the HTTP server that accepts from the Listener, and to the gateway behind
// it, what a request means. It follows bodies, but does not decode them. Where a request breaks the rules, reads fail with
// ErrMalformedRequest or ErrHeaderTooLarge, and the server answers. The one answer that it gives itself is to plain HTTP on
// a port that speaks TLS. Its timeouts are deadlines of sockets, in real time.
//
// A panic in what is done for one connection ends that connection, and is logged.
package listener
