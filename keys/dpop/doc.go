// Package dpop verifies DPoP proofs (RFC 9449): that whoever sends a request holds a key, which may be the one that its access
// token is bound to.
//
// It owns the form of a proof (proof.go), which request a proof is for (uri.go), nonces that need no storage (nonce.go), and that a
// proof is used only once (checker.go). It leaves to others how a JWS and its key are read (keys/jws), where it is noted that a proof
// was used (denylist), and that a request has a single DPoP field.
package dpop
