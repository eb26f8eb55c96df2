package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

func tokenRevoked(t *testing.T, w *world) {
	expires := start.Add(accessLife)
	require.False(t, w.revoked("jti", "", "app"))
	require.NoError(t, w.RevokeToken(w.ctx, "jti", expires))
	require.NoError(t, w.RevokeToken(w.ctx, "jti", expires))
	require.True(t, w.revoked("jti", "", "app"))
	require.False(t, w.revoked("other", "jti", "jti"), "a token's ID is not a grant's or a client's")
	require.False(t, w.revoked("", "", ""))

	require.NoError(t, w.RevokeToken(w.ctx, "jti", expires.Add(-time.Hour)))
	require.Equal(t, map[string]time.Time{"token jti": stored(expires)}, w.pending(), "an earlier expiry replaced a later one")
	require.NoError(t, w.RevokeToken(w.ctx, "jti", expires.Add(time.Hour)))
	require.Equal(t, map[string]time.Time{"token jti": stored(expires.Add(time.Hour))}, w.pending())

	require.NoError(t, w.RevokeToken(w.ctx, "dead", start))
	require.False(t, w.revoked("dead", "", ""), "nothing is stored for a token that has expired")
}

func revocationsPending(t *testing.T, w *world) {
	for i := range 5 {
		require.NoError(t, w.RevokeToken(w.ctx, fmt.Sprint("jti", i), start.Add(time.Duration(5-i)*time.Hour)))
	}
	pending, err := w.PendingRevocations(w.ctx, 3)
	require.NoError(t, err)
	require.Equal(t, []registry.Revocation{
		{Kind: registry.KindToken, ID: "jti0", ExpiresAt: stored(start.Add(5 * time.Hour)), CreatedAt: stored(start)},
		{Kind: registry.KindToken, ID: "jti1", ExpiresAt: stored(start.Add(4 * time.Hour)), CreatedAt: stored(start)},
		{Kind: registry.KindToken, ID: "jti2", ExpiresAt: stored(start.Add(3 * time.Hour)), CreatedAt: stored(start)},
	}, pending)
	require.NoError(t, w.MarkDelivered(w.ctx, pending))
	require.NoError(t, w.MarkDelivered(w.ctx, pending))
	require.NoError(t, w.MarkDelivered(w.ctx, nil))
	require.Len(t, w.pending(), 2)

	require.NoError(t, w.RevokeToken(w.ctx, "jti1", start.Add(4*time.Hour)))
	require.Len(t, w.pending(), 2, "nothing new is to be delivered")
	require.NoError(t, w.RevokeToken(w.ctx, "jti1", start.Add(9*time.Hour)))
	require.Equal(t, stored(start.Add(9*time.Hour)), w.pending()["token jti1"], "the denylist would forget it too early")
	for jti, want := range map[string]int{"jti0": 0, "jti1": 1, "jti4": 1, "nothing": 0} {
		one, err := w.PendingRevocation(w.ctx, registry.KindToken, jti)
		require.NoError(t, err)
		require.Len(t, one, want, jti)
	}

	w.Advance(5 * time.Hour)
	require.Len(t, w.pending(), 1, "what has expired need not be delivered")
}

// revocationRaisedWhileDelivered: what was delivered is the expiry that was
// read, not the one that was raised meanwhile.
func revocationRaisedWhileDelivered(t *testing.T, w *world) {
	require.NoError(t, w.RevokeToken(w.ctx, "jti", start.Add(time.Hour)))
	read, err := w.PendingRevocations(w.ctx, 1)
	require.NoError(t, err)
	require.NoError(t, w.RevokeToken(w.ctx, "jti", start.Add(2*time.Hour)))
	require.NoError(t, w.MarkDelivered(w.ctx, read))
	require.Equal(t, map[string]time.Time{"token jti": stored(start.Add(2 * time.Hour))}, w.pending())
}

func revocationsInPages(t *testing.T, w *world) {
	for i := range 7 {
		require.NoError(t, w.RevokeToken(w.ctx, fmt.Sprint("jti", i), start.Add(time.Duration(i)*time.Hour)))
	}
	grantID, _ := w.redeem()
	require.NoError(t, w.EndGrant(w.ctx, grantID, "user"))
	require.NoError(t, w.DeleteClient(w.ctx, "app", start.Add(accessLife)))
	pending, err := w.PendingRevocations(w.ctx, 2)
	require.NoError(t, err)
	require.NoError(t, w.MarkDelivered(w.ctx, pending))
	w.Advance(time.Hour)

	var seen []string
	var last registry.Revocation
	for {
		page, err := w.LiveRevocations(w.ctx, last, 3)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		require.LessOrEqual(t, len(page), 3)
		for _, revocation := range page {
			seen = append(seen, revocation.Kind+" "+revocation.ID)
			last = revocation
		}
	}
	require.Equal(t, []string{
		"client app", "grant g1", "token jti2", "token jti3", "token jti4", "token jti5", "token jti6",
	}, seen)
}
