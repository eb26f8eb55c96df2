package outbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/outbox"
	"gatehouse/registry"
)

// take imports grants with access tokens, from one number to another.
func (w *world) take(from, to int) {
	w.Helper()
	now := w.clock.Now()
	var batch []registry.ImportedGrant
	for i := from; i < to; i++ {
		batch = append(batch, registry.ImportedGrant{
			Grant: registry.Grant{
				ID: fmt.Sprint("grant-", i), ClientID: "imported", Subject: fmt.Sprint(i), Scopes: []string{"read"}, CreatedAt: now,
			},
			Access: &registry.ImportedToken{Hash: fmt.Sprintf("hash-%04d", i), IssuedAt: now, ExpiresAt: now.Add(time.Hour)},
		})
	}
	_, err := w.registry.ImportGrants(w.Context(), &registry.Import{Source: "elsewhere", Run: now, Most: 50}, batch)
	require.NoError(w, err)
}

// opaque are the tokens that gateways can find.
func (w *world) opaque() (count int) {
	for _, key := range w.redis.Keys() {
		if strings.HasPrefix(key, "{gh}:opaque:hash-") {
			count++
		}
	}
	return count
}

// TestImportedTokensAreToldToGateways: all of them at first, then those that are new, and all again when Redis lost them.
func TestImportedTokensAreToldToGateways(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{ID: "imported"}))
	w.take(0, 450)
	require.NoError(t, w.registry.EndGrant(t.Context(), "grant-7", "user"))
	relay := &outbox.OpaqueRelay{Registry: w.registry, Tokens: w.denylist}
	complete := func() bool {
		_, complete, err := w.denylist.OpaqueEpoch(t.Context())
		require.NoError(t, err)
		return complete
	}
	require.False(t, complete())
	require.NoError(t, relay.CatchUp(t.Context()))
	require.True(t, complete())
	require.Equal(t, 449, w.opaque(), "that of a grant that has ended is none")

	w.take(450, 950)
	more, err := relay.KeepUp(t.Context())
	require.NoError(t, err)
	require.True(t, more, "they come in batches")
	require.Less(t, w.opaque(), 949)
	require.False(t, complete(), "those that are not written yet are no bad ones")
	require.NoError(t, relay.CatchUp(t.Context()))
	require.Equal(t, 949, w.opaque())
	require.True(t, complete())
	pending, err := w.registry.PendingImportedTokens(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, pending)

	w.redis.FlushAll()
	require.NoError(t, relay.CatchUp(t.Context()))
	require.Zero(t, w.opaque(), "not before the denylist is filled")
	require.NoError(t, w.relay.Fill(t.Context()))
	require.False(t, complete())
	require.NoError(t, relay.CatchUp(t.Context()))
	require.Equal(t, 949, w.opaque())
	require.True(t, complete())

	w.redis.SetError("LOADING")
	require.Error(t, relay.CatchUp(t.Context()))
	w.redis.SetError("")
}

// TestImportedTokensThatRedisRefusesStayPending: the next round writes them.
func TestImportedTokensThatRedisRefusesStayPending(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.registry.CreateClient(t.Context(), registry.Client{ID: "imported"}))
	relay := &outbox.OpaqueRelay{Registry: w.registry, Tokens: w.denylist}
	require.NoError(t, relay.CatchUp(t.Context()))
	w.take(0, 3)
	w.redis.Close()
	require.Error(t, relay.CatchUp(t.Context()))
	pending, err := w.registry.PendingImportedTokens(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, pending, 3)
}
