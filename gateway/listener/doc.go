// Package listener is the callers' side of HTTP/1: it accepts connections, completes TLS, finds where each request ends, and
// bounds what callers may send, how long they may take and how many may be connected.
//
// It owns the bytes up to the end of a request. What a request means is left to the HTTP server that accepts from the
// Listener and to the gateway behind it; so are bodies, which it follows but does not decode. It answers nothing, but for
// plain HTTP on a port of TLS: a request that breaks the rules ends its connection's reads with ErrMalformedRequest or
// ErrHeaderTooLarge, and the server answers them. Its timeouts are deadlines of sockets, in real time.
package listener
