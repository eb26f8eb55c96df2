// Package outbox carries revocations from the registry, where each is written in one transaction with what it revokes, to
// the denylist in Redis, where gateways see it (Relay). It also removes from the registry what has expired (Purger). Both
// may run in every replica at once: they have no state and no leader. So may OpaqueRelay, which carries access tokens that were
// taken over of another server to where gateways look them up.
//
// It owns when a revocation counts as delivered and when the denylist counts as complete. It leaves to authz what is
// revoked and how a caller is told that it is not delivered yet, to denylist how an entry is stored and checked, and to
// registry what has expired.
package outbox
