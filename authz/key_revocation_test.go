package authz_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/keyring"
	"gatehouse/denylist"
	"gatehouse/registry"
)

// TestALeakedKeyIsWithdrawn: its tokens are refused through the denylist, another key signs at once, and gateways are told
// that there may be keys that they do not know.
func TestALeakedKeyIsWithdrawn(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	claims := w.claims(a.str("access_token"))
	leaked := w.keys.Signing().ID()
	require.Equal(t, leaked, claims.KeyID)
	ofKey := func(id string) error { return w.tell(t.Context(), denylist.Query{KeyID: id}) }
	require.NoError(t, ofKey(leaked))
	require.NoError(t, ofKey(denylist.AnyKey))

	var since registry.AuditRecord
	w.audit(&since)
	for range 2 {
		revoked := w.adminPost("/admin/keys/"+leaked+"/revoke", "")
		require.Equal(t, http.StatusOK, revoked.StatusCode, revoked.text)
		require.Equal(t, leaked, revoked.str("revoked"))
		signing := w.keys.Signing().ID()
		require.NotEqual(t, leaked, signing, "another key signs at once")
		require.Equal(t, signing, revoked.json["signing"].(map[string]any)["id"])
	}
	require.Contains(t, w.audit(&since), [3]string{"admin 127.0.0.1", "key.revoke", leaked})
	require.Contains(t, w.log.String(), `"msg":"signing key revoked","actor":"admin 127.0.0.1","kid":"`+leaked+`"`)

	require.ErrorIs(t, ofKey(leaked), denylist.ErrRevoked)
	require.ErrorIs(t, ofKey(denylist.AnyKey), denylist.ErrRevoked)
	require.NotContains(t, w.get("/.well-known/jwks.json").text, leaked)
	require.Equal(t, http.StatusUnauthorized, w.get("/oauth/token/introspect", header("Authorization", "Bearer "+a.str("access_token"))).StatusCode)

	b := w.refresh(a.str("refresh_token"))
	require.Equal(t, http.StatusOK, b.StatusCode, "its grant goes on: "+b.text)
	require.Equal(t, w.keys.Signing().ID(), w.claims(b.str("access_token")).KeyID)

	w.requireError(w.adminPost("/admin/keys/nothing/revoke", ""), http.StatusNotFound, "not_found")

	// The denylist lost everything, and is filled again.
	w.redis.FlushAll()
	require.NoError(t, w.relay.Fill(t.Context()))
	require.ErrorIs(t, ofKey(leaked), denylist.ErrRevoked)
}

// TestARevokedKeyOfAnotherReplicaIsNotIntrospectedAsActive: the one that is asked has not read the registry's keys yet.
func TestARevokedKeyOfAnotherReplicaIsNotIntrospectedAsActive(t *testing.T) {
	w := newWorld(t)
	token := w.tokens().str("access_token")
	_, err := w.newKeyring().Revoke(t.Context(), "operator", w.keys.Signing().ID())
	require.NoError(t, err)
	_, err = w.keys.PublicKey(w.keys.Signing().ID())
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, w.get("/oauth/token/introspect", header("Authorization", "Bearer "+token)).StatusCode)
}

func TestAKeyIsRevokedWhileRedisIsDown(t *testing.T) {
	w := newWorld(t)
	leaked := w.keys.Signing().ID()
	w.redis.SetError("LOADING")
	w.requireError(w.adminPost("/admin/keys/"+leaked+"/revoke", ""), http.StatusServiceUnavailable, "temporarily_unavailable")
	require.NotEqual(t, leaked, w.keys.Signing().ID(), "it signs nothing more")
	w.redis.SetError("")
	again := w.adminPost("/admin/keys/"+leaked+"/revoke", "")
	require.Equal(t, http.StatusOK, again.StatusCode, again.text)
	require.ErrorIs(t, w.tell(t.Context(), denylist.Query{KeyID: leaked}), denylist.ErrRevoked)
}

// TestAPublishedSuccessorTakesOver: gateways know it already.
func TestAPublishedSuccessorTakesOver(t *testing.T) {
	w := newWorld(t)
	leaked := w.keys.Signing().ID()
	successor := w.adminPost("/admin/keys/rotate", "").str("id")
	w.clock.Advance(time.Minute)
	revoked := w.adminPost("/admin/keys/"+leaked+"/revoke", "")
	require.Equal(t, http.StatusOK, revoked.StatusCode, revoked.text)
	require.Equal(t, successor, w.keys.Signing().ID())
	require.Equal(t, successor, revoked.json["signing"].(map[string]any)["id"])
	states, err := w.keyring.Keys(t.Context())
	require.NoError(t, err)
	require.Len(t, states, 1)
	require.Equal(t, keyring.Signing, states[0].Use)
	require.False(t, states[0].SignsFrom.After(w.clock.Now()), "and not only because there is no other")
}
