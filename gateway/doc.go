// Package gateway owns the way of a request on the public listener. Serve in front.go reads as that way: refuse what can
// be read in two ways, answer what browsers ask about CORS, hand over to a handler beside the gateway, or: match the
// route, verify the token, ask the denylist, check the scope, make the upstream's credential, forward the request and
// bring the answer back. It promises that no request is written to an upstream twice, that what was authorized is exactly
// what is forwarded, and that no byte of one caller's answer reaches another caller.
//
// It leaves to others how tokens are issued (authz), which keys are valid (keys) and what was revoked (denylist); and to
// its inner packages how callers' connections are accepted and framed (listener), the syntax of HTTP/1 (internal/http1),
// which fields pass (internal/header), tokens of another server (internal/opaque), what is spent of budgets (payment), what an upstream is told about the caller
// (internal/credential), connections to upstreams and what is exchanged on them (internal/upstream), how WebSockets are opened
// (internal/handshake) and what becomes of them then (internal/tunnel). None of them imports this package.
//
// It relies on the server that serves it for two things: for Bind, which sets what the reading of bodies needs, and for
// deadlines on the callers' connections.
//
// Bodies are forwarded as they arrive. What arrives at once and is small goes with its head, in both directions. The
// connections to upstreams are internal/upstream's, WebSockets after the handshake internal/tunnel's; internal/watch
// ends what is open under a token that is no longer good.
package gateway
