// Package assertion verifies client assertions: small JWTs by which a client proves who it is with a key of its own, instead of a
// secret (private_key_jwt: RFC 7523 sections 2.2 and 3, OpenID Connect Core section 9).
//
// It owns what an assertion has to say (assertion.go), and that it is signed by a key of its client and used once (checker.go). It leaves
// to authz how a request presents one, and where a client's keys are; to others how a JWS is read (keys/jws), and where it is noted that
// an assertion was used (denylist).
package assertion
