// Package tunnel is WebSockets after the handshake: two connections, and what passes between them as it is.
//
// It owns the two copies, where a frame ends (nothing else of a frame is looked at), why and how a WebSocket is closed,
// and how many are open. What a look at them finds (package watch) is closed in order: a token that is no longer good, silence,
// an end that takes nothing.
//
// It leaves to the gateway who may open a WebSocket, both sides of the handshake, and fasthttp; to the pool of upstream
// connections what becomes of a connection when the tunnel has ended; to the observer what is written and counted.
package tunnel
