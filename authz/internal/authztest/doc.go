// Package authztest is what tests of authz and of its inner packages share: the registry, the denylist and the keyring of
// a replica, a log that can be read while others write to it, and work that runs as long as its test. Databases, clocks
// and races are registrytest's. Nothing but tests imports it.
package authztest
