// Package keyring keeps the signing keys of a replica: which of them signs now, which are published ahead of their time and
// which still verify. It follows from the clock and from the keys in the registry, so that replicas agree without a leader.
//
// It owns the schedule's times, when a successor is made, and when a key is deleted. It leaves to keys what a key is, how it
// is sealed and what a schedule says of a moment, and to registry that of many replicas one adds a key.
package keyring
