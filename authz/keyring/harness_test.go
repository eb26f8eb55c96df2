package keyring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/internal/authztest"
	"gatehouse/authz/keyring"
	"gatehouse/keys"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// world is the keyring of a replica, open, and what it works on.
type world struct {
	*testing.T
	registry *registry.Registry
	keyring  *keyring.Keyring
	keys     *keys.Ring
	clock    *registrytest.Clock
	log      *authztest.Log
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: authztest.NewClock(), log: &authztest.Log{}}
	w.registry = authztest.NewRegistry(t, w.clock)
	w.keyring = w.newKeyring()
	var err error
	w.keys, err = w.keyring.Open(t.Context())
	require.NoError(t, err)
	return w
}

// newKeyring is the keyring of one more replica.
func (w *world) newKeyring() *keyring.Keyring {
	return authztest.NewKeyring(w.registry, w.clock, w.log)
}
