// Package tunnel is WebSockets after the handshake: two connections, and what passes between them as it is.
//
// It owns the two copies, where a frame ends (nothing else of a frame is looked at), why and how a WebSocket is closed,
// how many are open, and the one goroutine that looks at all of them: for tokens that expired or were revoked, for silence,
// and for an end that takes nothing.
//
// It leaves to the gateway who may open a WebSocket, both sides of the handshake, and fasthttp; to the pool of upstream
// connections what becomes of a connection when the tunnel has ended; to the observer what is written and counted.
package tunnel
