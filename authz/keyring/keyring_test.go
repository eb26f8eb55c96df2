package keyring_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/keys"
	"gatehouse/registry"
)

func TestProcessesThatStartAtOnceEndUpWithOneKey(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{"sqlite": sqliteFile, "postgres": postgresSchema} {
		t.Run(name, func(t *testing.T) {
			const processes = 8
			database := url(t)
			rings := make([]*keys.Ring, processes)
			failed := make([]error, processes)
			keyrings := make([]*authz.Keyring, processes)
			for i := range keyrings {
				stored, err := registry.Open(t.Context(), database, registry.WithTimeout(time.Minute), registry.WithPoolSize(1))
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, stored.Close()) })
				require.NoError(t, stored.Migrate(t.Context()))
				keyrings[i] = &authz.Keyring{Registry: stored, Secret: keysSecret, Alg: keys.ES256, Schedule: keySchedule(time.Hour, time.Hour)}
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
		"rotate": func() error { _, err := wrong.Rotate(t.Context()); return err },
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

func TestASuccessorIsPublishedThenSigns(t *testing.T) {
	w := newWorld(t)
	first := w.keys.Signing().ID()
	w.clock.advance(time.Hour)
	rotated, err := w.keyring.Rotate(t.Context())
	require.NoError(t, err)
	require.Equal(t, authz.KeyPublished, rotated.State)
	require.WithinDuration(t, w.clock.Now().Add(7*time.Minute), rotated.SignsFrom, time.Microsecond)
	require.Equal(t, first, w.keys.Signing().ID())
	_, err = w.keys.PublicKey(rotated.ID)
	require.NoError(t, err, "published at once where it was made")

	for range 3 {
		pending, err := w.newKeyring().Rotate(t.Context())
		require.ErrorIs(t, err, authz.ErrSuccessorPending)
		require.ErrorContains(t, err, rotated.ID)
		require.Equal(t, rotated, pending)
	}
	require.Equal(t, map[string]authz.KeyUse{first: authz.KeySigning, rotated.ID: authz.KeyPublished}, w.uses())

	w.clock.advance(7 * time.Minute)
	next, err := w.keyring.KeepUp(t.Context())
	require.NoError(t, err)
	require.Equal(t, 10*time.Second, next)
	require.Equal(t, rotated.ID, w.keys.Signing().ID())
	require.Equal(t, map[string]authz.KeyUse{first: authz.KeyVerifying, rotated.ID: authz.KeySigning}, w.uses())
	_, err = w.keyring.Rotate(t.Context())
	require.NoError(t, err, "nothing is pending any more")
}

// uses are the states of the keys, by id.
func (w *world) uses() map[string]authz.KeyUse {
	w.Helper()
	states, err := w.newKeyring().Keys(w.Context())
	require.NoError(w, err)
	uses := map[string]authz.KeyUse{}
	for _, state := range states {
		uses[state.ID] = state.State
	}
	return uses
}

func TestOperatorsThatRotateAtOnceAddOneKey(t *testing.T) {
	w := newWorld(t)
	failed := make([]error, 8)
	var done sync.WaitGroup
	for i := range failed {
		done.Go(func() { _, failed[i] = w.newKeyring().Rotate(context.Background()) })
	}
	done.Wait()
	var pending int
	for _, err := range failed {
		if err != nil {
			require.ErrorIs(t, err, authz.ErrSuccessorPending)
			pending++
		}
	}
	require.Equal(t, len(failed)-1, pending)
	require.Len(t, w.uses(), 2)
}

func TestReplicasThatFindASuccessorDueAtOnceAddOne(t *testing.T) {
	w := newWorld(t)
	replicas := make([]*authz.Keyring, 8)
	for i := range replicas {
		replicas[i] = w.newKeyring()
		_, err := replicas[i].Open(t.Context())
		require.NoError(t, err)
	}
	w.clock.advance(720*time.Hour - 7*time.Minute)
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
	first, err := empty.Rotate(t.Context())
	require.NoError(t, err)
	require.Equal(t, authz.KeySigning, first.State)
	ring, err := empty.Open(t.Context())
	require.NoError(t, err)
	require.Equal(t, first.ID, ring.Signing().ID())
}

func TestAKeyIsDeletedLongAfterItsLastToken(t *testing.T) {
	w := newWorld(t)
	first := w.keys.Signing().ID()
	_, err := w.keyring.Rotate(t.Context())
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
	w.clock.advance(7*time.Minute + 8760*time.Hour)
	verifies, stored := known()
	require.True(t, verifies)
	require.True(t, stored)
	w.clock.advance(10 * time.Minute)
	verifies, stored = known()
	require.False(t, verifies)
	require.True(t, stored, "a clock that is ahead must not delete what cannot be had again")
	require.NotContains(t, w.uses(), first)
	w.clock.advance(24 * time.Hour)
	_, stored = known()
	require.False(t, stored)
	require.Contains(t, fmt.Sprint(w.audit(&registry.AuditRecord{})), "[key schedule key.delete "+first+"]")
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
	w.run(k.Run)
	signed := map[string]bool{}
	require.Eventually(t, func() bool {
		signed[ring.Signing().ID()] = true
		return len(signed) == 4
	}, 30*time.Second, 5*time.Millisecond, "three rotations")
}

// run runs work until the test ends, and waits for it.
func (w *world) run(work func(context.Context)) {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		work(ctx)
	}()
	w.Cleanup(func() {
		cancel()
		<-done
	})
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
	w.run(k.Run)
	first := ring.Signing().ID()
	always := func(registry.SigningKey) bool { return true }
	_, err = w.registry.AddSigningKey(t.Context(), always, registry.SigningKey{ID: "of-another-secret", Sealed: "x"})
	require.NoError(t, err)
	w.logged("signing keys cannot be kept up")
	before := asked.Load()
	require.Eventually(t, func() bool { return asked.Load() > before+20 }, 30*time.Second, time.Millisecond)
	require.Equal(t, first, ring.Signing().ID())
	require.NoError(t, w.registry.DeleteSigningKeys(t.Context(), "of-another-secret"))
	w.logged("signing keys are kept up again")
	require.Equal(t, 1, w.log.count("signing keys cannot be kept up"), "it is said once")
}

func TestASuccessorThatIsKnownSignsWithoutTheRegistry(t *testing.T) {
	w := newWorld(t)
	rotated, err := w.keyring.Rotate(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.registry.Close())
	next, err := w.keyring.KeepUp(t.Context())
	require.Error(t, err)
	require.Equal(t, 10*time.Second, next)
	require.NotEqual(t, rotated.ID, w.keys.Signing().ID())
	w.clock.advance(7*time.Minute - 2*time.Second)
	next, err = w.keyring.KeepUp(t.Context())
	require.Error(t, err)
	require.InDelta(t, 2*time.Second, next, float64(time.Millisecond), "it does not wait longer than for the next event")
	w.clock.advance(2 * time.Second)
	_, err = w.keyring.KeepUp(t.Context())
	require.Error(t, err)
	require.Equal(t, rotated.ID, w.keys.Signing().ID())
}

func TestKeysOverHTTP(t *testing.T) {
	w := newWorld(t)
	list := func() string {
		a := w.do(http.MethodGet, w.admin+"/admin/keys", "", nil)
		require.Equal(t, http.StatusOK, a.StatusCode, a.text)
		require.NotContains(t, a.text, "ealed", "nothing private, sealed or not")
		return a.text
	}
	first := w.keys.Signing().ID()
	begin := w.clock.Now().Truncate(time.Microsecond)
	shown := func(id, state string, from time.Time, created time.Time) string {
		return fmt.Sprintf(`{"id":%q,"algorithm":"ES256","state":%q,"signsFrom":%q,"createdAt":%q}`,
			id, state, from.Format(time.RFC3339Nano), created.Format(time.RFC3339Nano))
	}
	require.JSONEq(t, "["+shown(first, "signing", begin, begin)+"]", list())

	w.clock.advance(time.Second)
	now := begin.Add(time.Second)
	rotated := w.adminPost("/admin/keys/rotate", "")
	require.Equal(t, http.StatusOK, rotated.StatusCode, rotated.text)
	second := rotated.str("id")
	require.JSONEq(t, shown(second, "published", now.Add(7*time.Minute), now), rotated.text)
	require.Contains(t, w.get("/.well-known/jwks.json").text, second)
	require.JSONEq(t, "["+rotated.text+","+shown(first, "signing", begin, begin)+"]", list())
	var since registry.AuditRecord
	require.Contains(t, w.audit(&since), [3]string{"admin 127.0.0.1", "key.add", second})
	require.Contains(t, w.log.String(), `"msg":"signing key published","actor":"admin 127.0.0.1","kid":"`+second+`"`)

	again := w.adminPost("/admin/keys/rotate", "")
	w.requireError(again, http.StatusConflict, "conflict")
	require.Contains(t, again.str("error_description"), second)
	require.Empty(t, w.audit(&since))
	w.clock.advance(7 * time.Minute)
	require.JSONEq(t, "["+shown(second, "signing", now.Add(7*time.Minute), now)+","+shown(first, "verifying", begin, begin)+"]", list())
}
