// Package denylist is how every gateway learns what was revoked. It owns the layout in Redis, the writing of entries and
// the answer to one question: was this token, its grant or its client revoked?
//
// The durable truth is the registry's; Redis may lose everything at any time. The epoch key is the proof that it has
// not: it is written only after every live revocation was loaded, and as long as it is missing the answer is ErrUnknown,
// never "not revoked". What to do when the answer is unknown is the route's decision (gateway), and what is revoked, and
// that it reaches Redis after a failure, is the authorization server's (authz).
//
// A mirror answers from memory, some 50 bytes for each entry. Without one, and while it is too old, Redis is asked; checks
// that run at the same time share a round trip.
//
// Beside it lie access tokens that say nothing by themselves (OpaqueToken), under the same epoch: that one is not found
// counts only while all of them are known to be there. What DPoP needs of all gateways lies there, too: which proofs were used
// (UseProof), and what nonces are made with (NonceSecrets).
package denylist
