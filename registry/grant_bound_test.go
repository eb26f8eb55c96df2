package registry_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// allow makes one more grant of ann to app, of which there may be most, with a living
// access token. It returns which ended.
func (w *world) allow(id string, most int) (ended []string) {
	w.t.Helper()
	ended, err := w.Registry.Authorize(w.ctx, registry.Grant{ID: id, ClientID: "app", Subject: "ann"},
		registry.Code{Hash: id, ExpiresAt: w.Now().Add(codeLife)}, most)
	require.NoError(w.t, err)
	require.NoError(w.t, w.RedeemCode(w.ctx, id, nil, w.Now().Add(accessLife)))
	return ended
}

// live are the IDs of the live grants of ann to app.
func (w *world) live() (ids []string) {
	w.t.Helper()
	require.NoError(w.t, w.DB().NewSelect().Table("grants").Column("id").Where("subject = 'ann'").Where("client_id = 'app'").
		Where("ended_at IS NULL").Order("id").Scan(w.ctx, &ids))
	return ids
}

func grantsBounded(t *testing.T, w *world) {
	require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: "other"}))
	for _, g := range []registry.Grant{
		{ID: "bob's", ClientID: "app", Subject: "bob"}, {ID: "ann's other", ClientID: "other", Subject: "ann"},
	} {
		require.NoError(t, w.Authorize(w.ctx, g, registry.Code{Hash: g.ID, ExpiresAt: start.Add(codeLife)}))
	}
	for i := range 3 {
		require.Empty(t, w.allow(fmt.Sprint("n", i), 3))
		w.Advance(time.Second)
	}
	require.Equal(t, []string{"n0"}, w.allow("n3", 3))
	require.Equal(t, []string{"n1", "n2", "n3"}, w.live())
	require.Equal(t, "replaced", w.grant("n0").EndReason)
	require.Equal(t, map[string]time.Time{"grant n0": stored(start.Add(accessLife))}, w.pending(), "its tokens are revoked with it")

	require.ErrorIs(t, second(w.Registry.Authorize(w.ctx, registry.Grant{ID: "n3", ClientID: "app", Subject: "ann"},
		registry.Code{Hash: "new", ExpiresAt: w.Now().Add(codeLife)}, 3)), registry.ErrExists)
	require.Equal(t, []string{"n1", "n2", "n3"}, w.live(), "none ends for one that was not made")
	require.False(t, w.grant("bob's").Ended())
	require.False(t, w.grant("ann's other").Ended())

	ended := w.allow("n4", 1)
	slices.Sort(ended)
	require.Equal(t, []string{"n1", "n2", "n3"}, ended, "the bound was lowered")
	require.Equal(t, []string{"n4"}, w.live())
}

func grantsBoundedAtOnce(t *testing.T, w *world) {
	const most = 7
	for range 2 {
		for _, err := range registrytest.Race(50, func(i int) error {
			id := fmt.Sprint(w.Now().Unix(), " ", i)
			_, err := w.Registry.Authorize(w.ctx, registry.Grant{ID: id, ClientID: "app", Subject: "ann"},
				registry.Code{Hash: id, ExpiresAt: w.Now().Add(codeLife)}, most)
			return err
		}) {
			require.NoError(t, err)
		}
		require.Len(t, w.live(), most)
		w.Advance(time.Second)
	}
}

// grantsBoundedDeadCodesFirst: consents that led to nothing cost the user no grant
// that is in use; one whose code is on its way counts as in use.
func grantsBoundedDeadCodesFirst(t *testing.T, w *world) {
	w.allow("used", 3)
	w.Advance(time.Second)
	dead, _ := w.authorize() // and is younger
	w.Advance(codeLife)
	w.allow("later", 3)
	require.Equal(t, []string{dead}, w.allow("more", 3))
	unredeemed, _ := w.authorize()
	ended, err := w.Registry.Authorize(w.ctx, registry.Grant{ID: "last", ClientID: "app", Subject: "ann"},
		registry.Code{Hash: "last", ExpiresAt: w.Now().Add(codeLife)}, 4)
	require.NoError(t, err)
	require.Equal(t, []string{"used"}, ended)
	require.Contains(t, w.live(), unredeemed)
}

// grantsBoundedUnasked: a grant about which nobody was asked ends none that is good for anything.
func grantsBoundedUnasked(t *testing.T, w *world) {
	unasked := func(id string) ([]string, error) {
		return w.AuthorizeUnasked(w.ctx, registry.Grant{ID: id, ClientID: "app", Subject: "ann"},
			registry.Code{Hash: id, ExpiresAt: w.Now().Add(codeLife)}, 3)
	}
	refreshed, refresh := w.redeem()
	w.Advance(time.Second)
	require.Empty(t, w.allow("used", 3))
	w.Advance(time.Second)
	coming, _ := w.authorize()
	require.ErrorIs(t, second(unasked("n1")), registry.ErrNoRoom)
	require.Len(t, w.live(), 3)
	require.ErrorIs(t, w.RedeemCode(w.ctx, "n1", nil, w.Now().Add(accessLife)), registry.ErrNotFound, "nothing was stored")

	w.Advance(codeLife)
	ended, err := unasked("n2")
	require.NoError(t, err)
	require.Equal(t, []string{coming}, ended, "its code has expired")
	require.ErrorIs(t, second(unasked("n3")), registry.ErrNoRoom)
	w.Advance(accessLife)
	require.NoError(t, w.rotate(refresh, "next"))
	ended, err = unasked("n4")
	require.NoError(t, err)
	require.NotContains(t, ended, refreshed, "it can be refreshed")
	require.Len(t, ended, 1)
	ended, err = unasked("n5")
	require.NoError(t, err)
	require.Len(t, ended, 1, "its access token has expired, or its code")
	require.ErrorIs(t, second(unasked("n6")), registry.ErrNoRoom)
}

func (w *world) fillGrants(count int) {
	w.t.Helper()
	type grant struct {
		ID              string    `bun:"id"`
		ClientID        string    `bun:"client_id"`
		Subject         string    `bun:"subject"`
		RedirectURI     string    `bun:"redirect_uri"`
		AccessLifespan  int       `bun:"access_lifespan"`
		CreatedAt       time.Time `bun:"created_at"`
		AccessExpiresAt time.Time `bun:"access_expires_at"`
		EndReason       string    `bun:"end_reason"`
	}
	rows := make([]grant, count)
	for i := range rows {
		rows[i] = grant{
			ID: fmt.Sprintf("old%04d", i), ClientID: "app", Subject: "ann", CreatedAt: stored(start.Add(-time.Duration(count-i) * time.Second)),
			AccessExpiresAt: stored(start.Add(accessLife + time.Duration(i)*time.Second)),
		}
	}
	_, err := w.DB().NewInsert().Model(&rows).ModelTableExpr("grants").Exec(w.ctx)
	require.NoError(w.t, err)
}

// grantsFromBeforeTheBound: a user with very many loses them by and by.
func grantsFromBeforeTheBound(t *testing.T, w *world) {
	w.fillGrants(1100)
	require.Len(t, w.allow("one", 50), 500)
	require.Len(t, w.allow("two", 50), 500)
	require.Len(t, w.allow("three", 50), 53)
	require.Len(t, w.live(), 50)
	require.Equal(t, []string{"old1053"}, w.allow("four", 50))
}

func manyGrantsEnded(t *testing.T, w *world) {
	w.fillGrants(1203)
	ended, err := w.By("admin").EndGrants(w.ctx, "ann", "app", "disconnected")
	require.NoError(t, err)
	require.Equal(t, 1203, ended)
	require.Empty(t, w.live())
	pending, err := w.PendingRevocations(w.ctx, 2000)
	require.NoError(t, err)
	require.Len(t, pending, 1203)
}

// manyGrantsOfClient: however many grants it has, it is denied by one entry at once,
// which covers all of them also when some end later.
func manyGrantsOfClient(t *testing.T, w *world) {
	for name, deny := range map[string]func(string, time.Time) error{
		"client_deleted":  func(id string, until time.Time) error { return w.DeleteClient(w.ctx, id, until) },
		"client_disabled": func(id string, until time.Time) error { return w.DisableClient(w.ctx, id, until) },
	} {
		require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: name}))
		w.fillGrants(1203)
		_, err := w.DB().NewUpdate().Table("grants").Set("client_id = ?", name).Set("id = ? || id", name).
			Where("id LIKE 'old%'").Exec(w.ctx)
		require.NoError(t, err)
		require.NoError(t, deny(name, start.Add(accessLife)))
		require.Contains(t, w.pending(), "client "+name)
		require.True(t, w.revoked("", "", name))
		_, err = w.Purge(w.ctx, margin, 100)
		require.NoError(t, err)
		left, err := w.DB().NewSelect().Table("grants").Where("client_id = ?", name).Where("ended_at IS NULL").Count(w.ctx)
		require.NoError(t, err)
		require.Zero(t, left)
		ended, err := w.DB().NewSelect().Table("grants").Where("client_id = ?", name).Where("end_reason = ?", name).Count(w.ctx)
		require.NoError(t, err)
		require.EqualValues(t, 1203, ended)
		require.Equal(t, stored(start.Add(accessLife+1202*time.Second)), w.pending()["client "+name], "the last of their tokens")
	}
	require.Len(t, w.pending(), 2, "none for each grant")
}

func tokenRevokedTooOften(t *testing.T, w *world) {
	const most = 3
	grantID, _ := w.redeem()
	w.redeem()
	expires := w.Now().Add(time.Hour)
	revoke := func(jti string) bool {
		t.Helper()
		ended, err := w.RevokeTokenOf(w.ctx, grantID, jti, expires, most)
		require.NoError(t, err)
		require.True(t, w.revoked(jti, grantID, ""), jti)
		return ended
	}
	for range 3 {
		for i := range most {
			require.False(t, revoke(fmt.Sprint("jti", i)), "what is revoked again is no more than once")
		}
	}
	require.Len(t, w.pending(), most)
	w.Advance(time.Hour)
	expires = w.Now().Add(time.Hour)
	for i := range most {
		require.False(t, revoke(fmt.Sprint("next", i)), "those that have expired are forgotten")
	}
	require.True(t, revoke("too many"))
	require.Equal(t, "revoked_too_often", w.grant("code-"+grantID).EndReason)
	require.Contains(t, w.pending(), "grant "+grantID)
	require.NotContains(t, w.pending(), "token too many", "the end of the grant revokes it")
	require.False(t, w.grant("code-g2").Ended())
	require.NoError(t, w.RevokeToken(w.ctx, "an operator's", expires))
	ended, err := w.RevokeTokenOf(w.ctx, grantID, "dead", w.Now(), most)
	require.NoError(t, err)
	require.False(t, ended)
}

func tokenRevokedTooOftenAtOnce(t *testing.T, w *world) {
	const most = 7
	grantID, _ := w.redeem()
	for _, err := range registrytest.Race(50, func(i int) error {
		return second(w.RevokeTokenOf(w.ctx, grantID, fmt.Sprint("jti", i), w.Now().Add(time.Hour), most))
	}) {
		require.NoError(t, err)
	}
	require.Len(t, w.pending(), most+1, "as many tokens, and the grant")
	require.Contains(t, w.pending(), "grant "+grantID)
}

// tokenOfEndedGrant: what is revoked already is not revoked once more; what only seems
// to be is.
func tokenOfEndedGrant(t *testing.T, w *world) {
	grantID, _ := w.redeem()
	require.NoError(t, w.EndGrant(w.ctx, grantID, "user"))
	revoke := func(jti string, expires time.Time) {
		t.Helper()
		ended, err := w.RevokeTokenOf(w.ctx, grantID, jti, expires, 1)
		require.NoError(t, err)
		require.False(t, ended)
	}
	revoke("jti", start.Add(accessLife))
	require.Len(t, w.pending(), 1)
	revoke("longer", start.Add(accessLife+time.Hour))
	require.Contains(t, w.pending(), "token longer")
	_, err := w.RevokeTokenOf(w.ctx, "unknown", "other", start.Add(accessLife), 1)
	require.NoError(t, err)
	require.Contains(t, w.pending(), "token other")
}
