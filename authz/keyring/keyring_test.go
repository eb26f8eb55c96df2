package keyring_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/internal/authztest"
	"gatehouse/authz/keyring"
	"gatehouse/keys"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

func TestProcessesThatStartAtOnceEndUpWithOneKey(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{"sqlite": func(t *testing.T) string { return registrytest.SQLite(t) }, "postgres": func(t *testing.T) string { return registrytest.Postgres(t) }} {
		t.Run(name, func(t *testing.T) {
			const processes = 8
			database := url(t)
			rings := make([]*keys.Ring, processes)
			failed := make([]error, processes)
			keyrings := make([]*keyring.Keyring, processes)
			for i := range keyrings {
				stored, err := registry.Open(t.Context(), database, registry.WithTimeout(time.Minute), registry.WithPoolSize(1))
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, stored.Close()) })
				require.NoError(t, stored.Migrate(t.Context()))
				keyrings[i] = &keyring.Keyring{Registry: stored, Secret: authztest.KeysSecret, Alg: keys.ES256, Schedule: authztest.KeySchedule(time.Hour, time.Hour)}
			}
			var done sync.WaitGroup
			for i := range keyrings {
				done.Go(func() { rings[i], failed[i] = keyrings[i].Open(t.Context()) })
			}
			done.Wait()
			for i := range rings {
				require.NoError(t, failed[i])
				require.Equal(t, rings[0].Signing().ID(), rings[i].Signing().ID())
			}
			states, err := keyrings[0].Keys(t.Context())
			require.NoError(t, err)
			require.Len(t, states, 1)
		})
	}
}

func TestAnotherSecretOpensNoKeyAndAddsNone(t *testing.T) {
	w := newWorld(t)
	wrong := w.newKeyring()
	wrong.Secret = "another secret"
	for name, try := range map[string]func() error{
		"open":   func() error { _, err := wrong.Open(t.Context()); return err },
		"rotate": func() error { _, err := wrong.Rotate(t.Context(), "operator"); return err },
		"list":   func() error { _, err := wrong.Keys(t.Context()); return err },
	} {
		err := try()
		require.ErrorIs(t, err, keys.ErrSealed, name)
		require.ErrorContains(t, err, "keys.secret", name)
		require.ErrorContains(t, err, w.keys.Signing().ID(), name)
	}
	require.Nil(t, wrong.Ring())
	stored, err := w.registry.SigningKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, stored, 1)
	_, err = w.newKeyring().Open(t.Context())
	require.NoError(t, err)
}

// TestASealedKeyInAnotherRowIsRefused: whoever can write to the database, and knows an old key, lets it sign under the name of
// the present one.
func TestASealedKeyInAnotherRowIsRefused(t *testing.T) {
	w := newWorld(t)
	rows, err := w.registry.SigningKeys(t.Context())
	require.NoError(t, err)
	_, err = w.registry.AddSigningKey(t.Context(), func(registry.SigningKey) bool { return true },
		registry.SigningKey{ID: "another", Algorithm: rows[0].Algorithm, Sealed: rows[0].Sealed, SignsFrom: w.clock.Now()})
	require.NoError(t, err)

	_, err = w.keyring.KeepUp(t.Context())
	require.ErrorIs(t, err, keys.ErrMisplaced, "also where the same text was opened before")
	require.Equal(t, rows[0].ID, w.keys.Signing().ID(), "what is known goes on")
	_, err = w.newKeyring().Open(t.Context())
	require.ErrorIs(t, err, keys.ErrMisplaced)
	require.ErrorContains(t, err, "another")
}

func TestASuccessorIsPublishedThenSigns(t *testing.T) {
	w := newWorld(t)
	first := w.keys.Signing().ID()
	w.clock.Advance(time.Hour)
	rotated, err := w.keyring.Rotate(t.Context(), "operator")
	require.NoError(t, err)
	require.Equal(t, keyring.Published, rotated.Use)
	require.WithinDuration(t, w.clock.Now().Add(7*time.Minute), rotated.SignsFrom, time.Microsecond)
	require.Equal(t, first, w.keys.Signing().ID())
	_, err = w.keys.PublicKey(rotated.ID)
	require.NoError(t, err, "published at once where it was made")

	for range 3 {
		pending, err := w.newKeyring().Rotate(t.Context(), "operator")
		require.ErrorIs(t, err, keyring.ErrSuccessorPending)
		require.ErrorContains(t, err, rotated.ID)
		require.Equal(t, rotated, pending)
	}
	require.Equal(t, map[string]keyring.Use{first: keyring.Signing, rotated.ID: keyring.Published}, w.uses())

	w.clock.Advance(7 * time.Minute)
	next, err := w.keyring.KeepUp(t.Context())
	require.NoError(t, err)
	require.Equal(t, 10*time.Second, next)
	require.Equal(t, rotated.ID, w.keys.Signing().ID())
	require.Equal(t, map[string]keyring.Use{first: keyring.Verifying, rotated.ID: keyring.Signing}, w.uses())
	_, err = w.keyring.Rotate(t.Context(), "operator")
	require.NoError(t, err, "nothing is pending any more")
}

// uses are the states of the keys, by id.
func (w *world) uses() map[string]keyring.Use {
	w.Helper()
	states, err := w.newKeyring().Keys(w.Context())
	require.NoError(w, err)
	uses := map[string]keyring.Use{}
	for _, state := range states {
		uses[state.ID] = state.Use
	}
	return uses
}

func TestOperatorsThatRotateAtOnceAddOneKey(t *testing.T) {
	w := newWorld(t)
	failed := make([]error, 8)
	var done sync.WaitGroup
	for i := range failed {
		done.Go(func() { _, failed[i] = w.newKeyring().Rotate(context.Background(), "operator") })
	}
	done.Wait()
	var pending int
	for _, err := range failed {
		if err != nil {
			require.ErrorIs(t, err, keyring.ErrSuccessorPending)
			pending++
		}
	}
	require.Equal(t, len(failed)-1, pending)
	require.Len(t, w.uses(), 2)
}

func TestReplicasThatFindASuccessorDueAtOnceAddOne(t *testing.T) {
	w := newWorld(t)
	replicas := make([]*keyring.Keyring, 8)
	for i := range replicas {
		replicas[i] = w.newKeyring()
		_, err := replicas[i].Open(t.Context())
		require.NoError(t, err)
	}
	w.clock.Advance(720*time.Hour - 7*time.Minute)
	failed := make([]error, len(replicas))
	var done sync.WaitGroup
	for i, replica := range replicas {
		done.Go(func() { _, failed[i] = replica.KeepUp(context.Background()) })
	}
	done.Wait()
	for _, err := range failed {
		require.NoError(t, err)
	}
	require.Len(t, w.uses(), 2)
}

func TestRotatingOnAnEmptyDatabaseMakesTheFirstKey(t *testing.T) {
	w := newWorld(t)
	empty := w.newKeyring()
	stored, err := registry.Open(t.Context(), "sqlite::memory:")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stored.Close()) })
	require.NoError(t, stored.Migrate(t.Context()))
	empty.Registry = stored
	states, err := empty.Keys(t.Context())
	require.NoError(t, err)
	require.Empty(t, states)
	first, err := empty.Rotate(t.Context(), "operator")
	require.NoError(t, err)
	require.Equal(t, keyring.Signing, first.Use)
	ring, err := empty.Open(t.Context())
	require.NoError(t, err)
	require.Equal(t, first.ID, ring.Signing().ID())
}

func TestAKeyIsDeletedLongAfterItsLastToken(t *testing.T) {
	w := newWorld(t)
	first := w.keys.Signing().ID()
	_, err := w.keyring.Rotate(t.Context(), "operator")
	require.NoError(t, err)
	known := func() (verifies, stored bool) {
		_, err := w.keyring.KeepUp(t.Context())
		require.NoError(t, err)
		_, unknown := w.keys.PublicKey(first)
		rows, err := w.registry.SigningKeys(t.Context())
		require.NoError(t, err)
		for _, row := range rows {
			stored = stored || row.ID == first
		}
		return unknown == nil, stored
	}
	w.clock.Advance(7*time.Minute + 8760*time.Hour)
	verifies, stored := known()
	require.True(t, verifies)
	require.True(t, stored)
	w.clock.Advance(10 * time.Minute)
	verifies, stored = known()
	require.False(t, verifies)
	require.True(t, stored, "a clock that is ahead must not delete what cannot be had again")
	require.NotContains(t, w.uses(), first)
	w.clock.Advance(24 * time.Hour)
	_, stored = known()
	require.False(t, stored)
	newest, err := w.registry.Audit(t.Context(), registry.AuditRecord{}, 1)
	require.NoError(t, err)
	require.Equal(t, "key schedule key.delete "+first, newest[0].Actor+" "+newest[0].Action+" "+newest[0].Target)
}

// TestAKeyVerifiesForAsLongAsItsOwnTokensLive: the longest token is made shorter, and longer again.
func TestAKeyVerifiesForAsLongAsItsOwnTokensLive(t *testing.T) {
	w := newWorld(t)
	first := w.keys.Signing().ID() // signs tokens that live for a year
	short := w.newKeyring()
	short.Schedule = authztest.KeySchedule(720*time.Hour, time.Hour)
	ring, err := short.Open(t.Context())
	require.NoError(t, err)
	second, err := short.Rotate(t.Context(), "operator")
	require.NoError(t, err)
	verifies := func(kid string) bool {
		_, err := short.KeepUp(t.Context())
		require.NoError(t, err)
		_, unknown := ring.PublicKey(kid)
		return unknown == nil
	}
	w.clock.Advance(7 * time.Minute)
	require.True(t, verifies(first))
	require.Equal(t, second.ID, ring.Signing().ID())
	w.clock.Advance(8750 * time.Hour)
	require.True(t, verifies(second.ID), "it signs until the third does, which is published now")
	w.clock.Advance(7 * time.Minute)
	require.True(t, verifies(second.ID))
	w.clock.Advance(2 * time.Hour)
	require.True(t, verifies(first), "its tokens are good for a year")
	require.False(t, verifies(second.ID), "and those of the second for an hour")
	w.clock.Advance(8 * time.Hour)
	require.False(t, verifies(first))

	// A replica that signs longer tokens raises what signs, before it does; that one with short ones does not lower it.
	long := w.newKeyring()
	_, err = long.Open(t.Context())
	require.NoError(t, err)
	third := ring.Signing().ID()
	_, err = short.KeepUp(t.Context())
	require.NoError(t, err)
	_, err = short.Rotate(t.Context(), "operator")
	require.NoError(t, err)
	w.clock.Advance(7*time.Minute + 8759*time.Hour)
	require.True(t, verifies(third))
}

// TestAKeyOfTheVersionBeforeVerifiesForAYear: nobody knows how long its tokens live.
func TestAKeyOfTheVersionBeforeVerifiesForAYear(t *testing.T) {
	w := newWorld(t)
	first := w.keys.Signing().ID()
	rows, err := w.registry.SigningKeys(t.Context())
	require.NoError(t, err)
	rows[0].Retain = 0
	before, err := registry.Open(t.Context(), registrytest.Memory, registry.WithNow(w.clock.Now))
	require.NoError(t, err)
	t.Cleanup(func() { _ = before.Close() })
	require.NoError(t, before.Migrate(t.Context()))
	_, err = before.EnsureSigningKey(t.Context(), rows[0])
	require.NoError(t, err)
	short := w.newKeyring()
	short.Registry = before
	short.Schedule = authztest.KeySchedule(720*time.Hour, time.Hour)
	ring, err := short.Open(t.Context())
	require.NoError(t, err)
	_, err = short.Rotate(t.Context(), "operator")
	require.NoError(t, err)
	w.clock.Advance(7*time.Minute + 8759*time.Hour)
	_, err = short.KeepUp(t.Context())
	require.NoError(t, err)
	_, err = ring.PublicKey(first)
	require.NoError(t, err)
}

// hurried is a schedule that rotates before a test's patience ends.
var hurried = keys.Schedule{RotateEvery: 200 * time.Millisecond, PublishAhead: 50 * time.Millisecond, Retain: time.Hour}

func TestKeysRotateByThemselves(t *testing.T) {
	w := newWorld(t)
	k, began := w.newKeyring(), time.Now()
	k.Now = func() time.Time { return w.clock.Now().Add(time.Since(began)) }
	k.Schedule, k.Refresh = hurried, 5*time.Millisecond
	ring, err := k.Open(t.Context())
	require.NoError(t, err)
	authztest.Run(t, k.Run)
	signed := map[string]bool{}
	require.Eventually(t, func() bool {
		signed[ring.Signing().ID()] = true
		return len(signed) == 4
	}, 30*time.Second, 5*time.Millisecond, "three rotations")
}

func TestARegistryThatFailsLeavesTheRingAsItWas(t *testing.T) {
	w := newWorld(t)
	k := w.newKeyring()
	var asked atomic.Int64
	k.Now = func() time.Time {
		asked.Add(1)
		return w.clock.Now()
	}
	k.Refresh = time.Millisecond
	ring, err := k.Open(t.Context())
	require.NoError(t, err)
	authztest.Run(t, k.Run)
	first := ring.Signing().ID()
	always := func(registry.SigningKey) bool { return true }
	_, err = w.registry.AddSigningKey(t.Context(), always, registry.SigningKey{ID: "of-another-secret", Sealed: "x"})
	require.NoError(t, err)
	w.log.Await(t, "signing keys cannot be kept up")
	before := asked.Load()
	require.Eventually(t, func() bool { return asked.Load() > before+20 }, 30*time.Second, time.Millisecond)
	require.Equal(t, first, ring.Signing().ID())
	require.NoError(t, w.registry.DeleteSigningKeys(t.Context(), "of-another-secret"))
	w.log.Await(t, "signing keys are kept up again")
	require.Equal(t, 1, w.log.Count("signing keys cannot be kept up"), "it is said once")
}

func TestASuccessorThatIsKnownSignsWithoutTheRegistry(t *testing.T) {
	w := newWorld(t)
	rotated, err := w.keyring.Rotate(t.Context(), "operator")
	require.NoError(t, err)
	require.NoError(t, w.registry.Close())
	next, err := w.keyring.KeepUp(t.Context())
	require.Error(t, err)
	require.Equal(t, 10*time.Second, next)
	require.NotEqual(t, rotated.ID, w.keys.Signing().ID())
	w.clock.Advance(7*time.Minute - 2*time.Second)
	next, err = w.keyring.KeepUp(t.Context())
	require.Error(t, err)
	require.InDelta(t, 2*time.Second, next, float64(time.Millisecond), "it does not wait longer than for the next event")
	w.clock.Advance(2 * time.Second)
	_, err = w.keyring.KeepUp(t.Context())
	require.Error(t, err)
	require.Equal(t, rotated.ID, w.keys.Signing().ID())
}
