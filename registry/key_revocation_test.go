package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

func signingKeyRetained(t *testing.T, w *world) {
	require.NoError(t, second(w.EnsureSigningKey(w.ctx, registry.SigningKey{ID: "k1", Retain: time.Hour})))
	retained := func() time.Duration {
		keys, err := w.SigningKeys(w.ctx)
		require.NoError(t, err)
		return keys[len(keys)-1].Retain
	}
	require.Equal(t, time.Hour, retained())
	require.NoError(t, w.RetainSigningKey(w.ctx, "k1", 2*time.Hour))
	require.NoError(t, w.RetainSigningKey(w.ctx, "k1", time.Minute))
	require.Equal(t, 2*time.Hour, retained(), "it is never lowered")
	require.NoError(t, w.RetainSigningKey(w.ctx, "nothing", time.Minute))
	require.ErrorIs(t, w.RetainSigningKey(w.ctx, "k1", 0), registry.ErrInvalid)

	_, err := w.DB().NewUpdate().Table("signing_keys").Set("retain = NULL").Where("id = 'k1'").Exec(w.ctx)
	require.NoError(t, err)
	require.Zero(t, retained(), "the version before did not say")
	require.NoError(t, w.RetainSigningKey(w.ctx, "k1", time.Minute))
	require.Equal(t, time.Minute, retained())
}

// signingKeyRevoked: whichever key is revoked, one that was not signs, and none before it is needed for longer.
func signingKeyRevoked(t *testing.T, w *world) {
	at := func(hours time.Duration) time.Time { return stored(start.Add(hours * time.Hour)) }
	for id, from := range map[string]time.Time{"old": at(-48), "signs": at(-24), "next": at(1), "last": at(2)} {
		require.NoError(t, second(w.AddSigningKey(w.ctx, always, registry.SigningKey{ID: id, SignsFrom: from, CreatedAt: from})))
	}
	until, anyUntil := at(24), at(1)
	revoke := func(id, successor string) registry.SigningKey {
		signing, err := w.By("operator").RevokeSigningKey(w.ctx, id, until, anyUntil, registry.SigningKey{ID: successor})
		require.NoError(t, err)
		return signing
	}
	left := func() map[string]time.Time {
		keys, err := w.SigningKeys(w.ctx)
		require.NoError(t, err)
		from := map[string]time.Time{}
		for _, k := range keys {
			from[k.ID] = k.SignsFrom
		}
		return from
	}
	require.Equal(t, "signs", revoke("old", "new1").ID, "one that does not sign needs no successor")
	require.Equal(t, "signs", revoke("last", "new1").ID)
	require.Equal(t, "next", revoke("signs", "new1").ID, "what is published already is known")
	require.Equal(t, map[string]time.Time{"next": at(-24)}, left())
	require.Equal(t, "new2", revoke("next", "new2").ID)
	require.Equal(t, map[string]time.Time{"new2": at(-24)}, left())
	require.Equal(t, "new2", revoke("next", "new3").ID, "again is no error, and changes nothing")
	require.Equal(t, map[string]time.Time{"new2": at(-24)}, left())

	_, err := w.RevokeSigningKey(w.ctx, "nothing", until, anyUntil, registry.SigningKey{ID: "new3"})
	require.ErrorIs(t, err, registry.ErrNotFound)
	_, err = w.RevokeSigningKey(w.ctx, registry.AnyKey, until, anyUntil, registry.SigningKey{ID: "new3"})
	require.ErrorIs(t, err, registry.ErrInvalid)
	for id, want := range map[string]bool{"signs": true, "new2": false, "nothing": false} {
		revoked, err := w.KeyRevoked(w.ctx, id)
		require.NoError(t, err)
		require.Equal(t, want, revoked, id)
	}

	pending, err := w.KeyRevocations(w.ctx, true)
	require.NoError(t, err)
	require.Len(t, pending, 5)
	require.Equal(t, registry.KeyRevocation{ID: registry.AnyKey, ExpiresAt: anyUntil, CreatedAt: stored(w.Now())}, pending[0])
	require.NoError(t, w.MarkKeysDelivered(w.ctx, pending))
	pending, err = w.KeyRevocations(w.ctx, true)
	require.NoError(t, err)
	require.Empty(t, pending)
	w.Advance(time.Hour)
	live, err := w.KeyRevocations(w.ctx, false)
	require.NoError(t, err)
	require.Len(t, live, 4, "that of any key has ended")

	records, err := w.Audit(w.ctx, registry.AuditRecord{}, 100)
	require.NoError(t, err)
	require.Equal(t, "key.revoke next", records[0].Action+" "+records[0].Target)
	require.Contains(t, records[0].Detail, "new2 signs")
	require.Equal(t, "key.add new2", records[1].Action+" "+records[1].Target)

	w.Advance(48 * time.Hour)
	require.NoError(t, second(w.Purge(w.ctx, margin, 100)))
	count, err := w.DB().NewSelect().Table("key_revocations").Count(w.ctx)
	require.NoError(t, err)
	require.Zero(t, count)
}

// signingKeysRevokedAtOnce: operators that revoke the same key, and others; one key signs in the end, which nobody revoked.
func signingKeysRevokedAtOnce(t *testing.T, w *world) {
	for _, id := range []string{"k0", "k1", "k2"} {
		require.NoError(t, second(w.AddSigningKey(w.ctx, always, registry.SigningKey{ID: id})))
	}
	later := w.Now().Add(time.Hour)
	for _, err := range registrytest.Race(12, func(i int) error {
		_, err := w.RevokeSigningKey(w.ctx, fmt.Sprint("k", i%3), later, later, registry.SigningKey{ID: fmt.Sprint("new", i)})
		return err
	}) {
		require.NoError(t, err)
	}
	keys, err := w.SigningKeys(w.ctx)
	require.NoError(t, err)
	require.NotEmpty(t, keys)
	for _, k := range keys {
		require.Contains(t, k.ID, "new")
	}
}
