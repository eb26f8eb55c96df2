package authztest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/authz/keyring"
	"gatehouse/denylist"
	"gatehouse/keys"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// KeysSecret seals the signing keys of NewKeyring.
const KeysSecret = "seals the signing keys of this test"

// NewClock returns a clock that stands between two seconds.
func NewClock() *registrytest.Clock {
	return registrytest.NewClock(time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC))
}

// migrated has the tables of today.
var migrated = registrytest.NewTemplate(func(ctx context.Context, url string) error {
	stored, err := registry.Open(ctx, url)
	if err != nil {
		return err
	}
	return errors.Join(stored.Migrate(ctx), stored.Close())
})

// NewRegistry returns a registry of the test's own that goes by the clock.
func NewRegistry(t testing.TB, clock *registrytest.Clock) *registry.Registry {
	t.Helper()
	stored, err := registry.Open(t.Context(), migrated.Copy(t), registry.WithNow(clock.Now))
	require.NoError(t, err)
	t.Cleanup(func() { _ = stored.Close() })
	return stored
}

// NewDenylist returns a denylist that goes by the clock, not loaded yet, and its Redis, which does not.
func NewDenylist(t testing.TB, clock *registrytest.Clock) (*denylist.Store, *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, ContextTimeoutEnabled: true})
	store := denylist.New(client, client)
	store.Now = clock.Now
	t.Cleanup(func() { _ = store.Close() })
	return store, server
}

// KeySchedule is that of keys that are published 7 minutes before they sign, on clocks that differ by up to a minute.
func KeySchedule(rotateEvery, longestToken time.Duration) keys.Schedule {
	return keyring.Times{
		RotateEvery: rotateEvery, PublishAhead: 7 * time.Minute, LongestToken: longestToken, ClockSkew: time.Minute,
	}.Schedule()
}

// NewKeyring returns the keyring of one more replica, not opened yet. Its keys sign for 30 days, and the longest token lives
// for 365.
func NewKeyring(stored *registry.Registry, clock *registrytest.Clock, log io.Writer) *keyring.Keyring {
	return &keyring.Keyring{
		Registry: stored,
		Secret:   KeysSecret,
		Alg:      keys.ES256,
		Schedule: KeySchedule(720*time.Hour, 8760*time.Hour),
		Log:      slog.New(slog.NewJSONHandler(log, nil)),
		Now:      clock.Now,
	}
}
