// Package gateway owns the path of a request to an upstream: match the route, verify the token, ask the denylist,
// check the scope, make the upstream's credential, forward the request and bring the answer back. It promises that no
// request is written to an upstream twice, that what was authorized is exactly what is forwarded, and that no byte of one
// caller's answer reaches another caller.
//
// It leaves to others how tokens are issued (authz), which keys are valid (keys), what was revoked (denylist), and the
// listener (app). It relies on the listener for its settings of Fiber: CaseSensitive and StrictRouting, so that Fiber
// does not mix up paths that the gateway keeps apart, and this package's ErrorHandler; for Bind, which sets what the
// reading of bodies needs; and for deadlines on the callers' connections, where callers take their time with a body.
// Refuse is mounted before every other handler.
//
// Bodies are forwarded as they arrive. What arrives at once and is small goes with its head, in both directions. The
// connections to upstreams are internal/upstream's, WebSockets after the handshake internal/tunnel's.
package gateway
