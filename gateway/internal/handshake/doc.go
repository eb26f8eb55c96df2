// Package handshake is how a WebSocket is opened (RFC 6455 section 4), on both sides: what a caller's request has to say, what of it
// the upstream is told, and what the upstream's 101 has to say before the caller gets it.
//
// It owns which requests open a WebSocket, the origins whose pages may, and the tokens that come as subprotocols. It leaves to others
// whether a route has WebSockets, whether the token is good, the fields of all requests and answers (package header), and everything
// after the 101 (package tunnel). It is pure: nothing blocks.
package handshake
