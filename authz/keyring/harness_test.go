package keyring_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/internal/authztest"
	"gatehouse/authz/keyring"
	"gatehouse/keys"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

const keysSecret = "seals the signing keys of this test"

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
	w := &world{T: t, clock: registrytest.NewClock(time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC)), log: &authztest.Log{}}
	var err error
	w.registry, err = registry.Open(t.Context(), registrytest.Memory, registry.WithNow(w.clock.Now))
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.registry.Close() })
	require.NoError(t, w.registry.Migrate(t.Context()))
	w.keyring = w.newKeyring()
	w.keys, err = w.keyring.Open(t.Context())
	require.NoError(t, err)
	return w
}

// keySchedule is that of keys that are published 7 minutes before they sign, on clocks that differ by up to a minute.
func keySchedule(rotateEvery, longestToken time.Duration) keys.Schedule {
	return keyring.Times{
		RotateEvery: rotateEvery, PublishAhead: 7 * time.Minute, LongestToken: longestToken, ClockSkew: time.Minute,
	}.Schedule()
}

// newKeyring is the keyring of one more replica.
func (w *world) newKeyring() *keyring.Keyring {
	return &keyring.Keyring{
		Registry: w.registry,
		Secret:   keysSecret,
		Alg:      keys.ES256,
		Schedule: keySchedule(720*time.Hour, 8760*time.Hour),
		Log:      slog.New(slog.NewJSONHandler(w.log, nil)),
		Now:      w.clock.Now,
	}
}
