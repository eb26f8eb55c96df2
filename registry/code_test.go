package registry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

func authorizationRoundTrip(t *testing.T, w *world) {
	grant := registry.Grant{
		ID: "g", ClientID: "app", Subject: "12345", Scopes: []string{"balance:read", "invoices:create"},
		Resources:   []string{"https://api.example/tools", "https://reports.example"},
		RedirectURI: "https://example.org/cb", AccessLifespan: 90*time.Minute + time.Nanosecond,
		AccessExpiresAt: start, EndedAt: start, EndReason: "not yet",
	}
	code := registry.Code{
		Hash: "h", Challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", ChallengeMethod: "S256",
		RedirectURI: "https://example.org/cb", BoundTo: "a thumbprint", ExpiresAt: start.Add(codeLife), UsedAt: start,
	}
	require.NoError(t, w.Authorize(w.ctx, grant, code))

	gotCode, gotGrant, err := w.Code(w.ctx, "h")
	require.NoError(t, err)
	grant.CreatedAt, grant.AccessExpiresAt, grant.EndedAt, grant.EndReason = stored(start), time.Time{}, time.Time{}, ""
	code.GrantID, code.ExpiresAt, code.UsedAt = "g", stored(code.ExpiresAt), time.Time{}
	require.Equal(t, grant, gotGrant)
	require.Equal(t, code, gotCode)
	require.False(t, gotGrant.Ended())
	require.False(t, gotCode.Used())
}

func authorizationRefused(t *testing.T, w *world) {
	w.authorize()
	expires := start.Add(codeLife)
	code := func(hash string) registry.Code { return registry.Code{Hash: hash, ExpiresAt: expires} }
	require.ErrorIs(t, w.Authorize(w.ctx, registry.Grant{ID: "x", ClientID: "nobody", Subject: "ann"}, code("x")), registry.ErrNotFound)
	require.ErrorIs(t, w.Authorize(w.ctx, registry.Grant{ID: "g1", ClientID: "app", Subject: "bob"}, code("x")), registry.ErrExists)
	require.ErrorIs(t, w.Authorize(w.ctx, registry.Grant{ID: "x", ClientID: "app", Subject: "bob"}, code("code-g1")), registry.ErrExists)
	require.Equal(t, "ann", w.grant("code-g1").Subject)
	require.NoError(t, w.Authorize(w.ctx, registry.Grant{ID: "x", ClientID: "app", Subject: "bob"}, code("x")),
		"the refused authorization left its grant behind")
}

func codeRedeemed(t *testing.T, w *world) {
	_, hash := w.authorize()
	w.Advance(time.Second)
	first := w.token("first")
	first.BoundTo = "a thumbprint"
	expires := w.Now().Add(accessLife)
	require.NoError(t, w.RedeemCode(w.ctx, hash, &first, expires))

	code, grant, err := w.Code(w.ctx, hash)
	require.NoError(t, err)
	require.Equal(t, stored(w.Now()), code.UsedAt)
	require.True(t, code.Used())
	require.Equal(t, stored(expires), grant.AccessExpiresAt)
	token, tokenGrant, err := w.RefreshToken(w.ctx, "first")
	require.NoError(t, err)
	require.Equal(t, grant, tokenGrant)
	require.Equal(t, registry.RefreshToken{
		Hash: "first", GrantID: grant.ID, CreatedAt: stored(w.Now()), ExpiresAt: stored(first.ExpiresAt), BoundTo: "a thumbprint",
	}, token)
	require.Empty(t, w.pending())
}

func codeWithoutRefreshToken(t *testing.T, w *world) {
	_, hash := w.authorize()
	require.NoError(t, w.RedeemCode(w.ctx, hash, nil, start.Add(accessLife)))
	require.Equal(t, stored(start.Add(accessLife)), w.grant(hash).AccessExpiresAt)
}

func codeRefused(t *testing.T, w *world) {
	w.redeem()
	later := start.Add(accessLife)
	_, unknown, err := w.Code(w.ctx, "nothing")
	require.ErrorIs(t, err, registry.ErrNotFound)
	require.Zero(t, unknown)
	require.ErrorIs(t, w.RedeemCode(w.ctx, "nothing", nil, later), registry.ErrNotFound)

	ended, hash := w.authorize()
	require.NoError(t, w.EndGrant(w.ctx, ended, "user"))
	first := w.token("first")
	require.ErrorIs(t, w.RedeemCode(w.ctx, hash, &first, later), registry.ErrGrantEnded)

	_, taken := w.authorize()
	other := w.token("refresh-g1")
	require.ErrorIs(t, w.RedeemCode(w.ctx, taken, &other, later), registry.ErrExists)
	foreign := w.token("first")
	foreign.GrantID = "g1"
	require.ErrorIs(t, w.RedeemCode(w.ctx, taken, &foreign, later), registry.ErrInvalid)

	_, late := w.authorize()
	w.Advance(codeLife)
	require.ErrorIs(t, w.RedeemCode(w.ctx, late, &first, later), registry.ErrExpired, "a code is dead at its expiry")
	for _, hash := range []string{hash, taken, late} {
		code, grant, err := w.Code(w.ctx, hash)
		require.NoError(t, err)
		require.False(t, code.Used(), hash)
		require.Zero(t, grant.AccessExpiresAt, hash)
	}
	_, _, err = w.RefreshToken(w.ctx, "first")
	require.ErrorIs(t, err, registry.ErrNotFound)
	require.Empty(t, w.pending())
}

func codeReused(t *testing.T, w *world) {
	grantID, refresh := w.redeem()
	w.Advance(codeLife + time.Second)
	other := w.token("other")
	require.ErrorIs(t, w.RedeemCode(w.ctx, "code-g1", &other, w.Now().Add(2*accessLife)), registry.ErrCodeUsed)

	grant := w.grant("code-g1")
	require.Equal(t, "code_reused", grant.EndReason)
	require.Equal(t, stored(w.Now()), grant.EndedAt)
	require.Equal(t, stored(start.Add(accessLife)), grant.AccessExpiresAt)
	require.Equal(t, map[string]time.Time{"grant " + grantID: stored(start.Add(accessLife))}, w.pending())
	require.True(t, w.revoked("", grantID, ""))
	require.ErrorIs(t, w.rotate(refresh, "next"), registry.ErrGrantEnded)
	require.ErrorIs(t, third(w.RefreshToken(w.ctx, "other")), registry.ErrNotFound)
}

func codeReusedAfterEnd(t *testing.T, w *world) {
	grantID, _ := w.redeem()
	require.NoError(t, w.EndGrant(w.ctx, grantID, "user"))
	require.ErrorIs(t, w.RedeemCode(w.ctx, "code-g1", nil, start.Add(accessLife)), registry.ErrCodeUsed)
	require.Equal(t, "user", w.grant("code-g1").EndReason)
}

func codeRedeemedAtOnce(t *testing.T, w *world) {
	grantID, hash := w.authorize()
	var won int
	for i, err := range registrytest.Race(50, func(i int) error {
		first := w.token("first-" + string(rune('a'+i)))
		return w.RedeemCode(w.ctx, hash, &first, start.Add(accessLife+time.Duration(i)*time.Minute))
	}) {
		if err == nil {
			won++
			require.Equal(t, map[string]time.Time{"grant " + grantID: stored(start.Add(accessLife + time.Duration(i)*time.Minute))},
				w.pending(), "the revocation lives as long as the winner's token")
			continue
		}
		require.ErrorIs(t, err, registry.ErrCodeUsed)
	}
	require.Equal(t, 1, won)
	require.Equal(t, "code_reused", w.grant(hash).EndReason)
	tokens, err := w.DB().NewSelect().Table("refresh_tokens").Count(w.ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, tokens)
}

// codeRedeemedAgainstTheEnd: whichever comes first, no token outlives the end.
func codeRedeemedAgainstTheEnd(t *testing.T, w *world) {
	for range 10 {
		grantID, hash := w.authorize()
		errs := registrytest.Race(2, func(i int) error {
			if i == 0 {
				return w.EndGrant(w.ctx, grantID, "user")
			}
			return w.RedeemCode(w.ctx, hash, nil, start.Add(accessLife))
		})
		require.NoError(t, errs[0])
		if errs[1] == nil {
			require.Equal(t, stored(start.Add(accessLife)), w.pending()["grant "+grantID])
			continue
		}
		require.ErrorIs(t, errs[1], registry.ErrGrantEnded)
		require.NotContains(t, w.pending(), "grant "+grantID)
	}
}

// authorizedAgainstTheDeletion: no grant of a deleted client is live.
func authorizedAgainstTheDeletion(t *testing.T, w *world) {
	authorizedAgainst(t, w, w.DeleteClient)
}

func authorizedAgainstTheDisabling(t *testing.T, w *world) {
	authorizedAgainst(t, w, w.DisableClient)
}

func authorizedAgainst(t *testing.T, w *world, deny func(context.Context, string, time.Time) error) {
	errs := registrytest.Race(20, func(i int) error {
		if i == 10 {
			return deny(w.ctx, "app", start.Add(accessLife))
		}
		id := string(rune('a' + i))
		return w.Authorize(w.ctx, registry.Grant{ID: id, ClientID: "app", Subject: "ann"},
			registry.Code{Hash: id, ExpiresAt: start.Add(codeLife)})
	})
	for i, err := range errs {
		switch {
		case i == 10:
			require.NoError(t, err)
		case err == nil:
			require.True(t, w.grant(string(rune('a'+i))).Ended())
		default:
			require.ErrorIs(t, err, registry.ErrNotFound)
		}
	}
}
