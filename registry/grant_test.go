package registry_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

func grantEnded(t *testing.T, w *world) {
	require.ErrorIs(t, w.EndGrant(w.ctx, "nothing", "user"), registry.ErrNotFound)
	grantID, refresh := w.redeem()
	w.Advance(time.Hour)
	require.False(t, w.revoked("jti", grantID, "app"))
	require.NoError(t, w.EndGrant(w.ctx, grantID, "user"))
	require.Equal(t, map[string]time.Time{"grant " + grantID: stored(start.Add(accessLife))}, w.pending())
	require.True(t, w.revoked("jti", grantID, "app"))
	require.ErrorIs(t, w.rotate(refresh, "next"), registry.ErrGrantEnded)

	endedAt := w.Now()
	w.Advance(time.Minute)
	require.NoError(t, w.EndGrant(w.ctx, grantID, "again"))
	grant := w.grant("code-g1")
	require.True(t, grant.Ended())
	require.Equal(t, "user", grant.EndReason)
	require.Equal(t, stored(endedAt), grant.EndedAt)

	unredeemed, _ := w.authorize()
	require.NoError(t, w.EndGrant(w.ctx, unredeemed, "user"))
	require.NotContains(t, w.pending(), "grant "+unredeemed, "no token was minted under it")

	stale, _ := w.redeem()
	w.Advance(accessLife)
	require.NoError(t, w.EndGrant(w.ctx, stale, "user"))
	rows, err := w.DB().NewSelect().Table("revocations").Where("id = ?", stale).Count(w.ctx)
	require.NoError(t, err)
	require.Zero(t, rows, "every token has expired")
	require.True(t, w.revoked("", stale, ""))
}

func grantsOfSubjectEnded(t *testing.T, w *world) {
	require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: "other"}))
	authorize := func(id, client, subject string) {
		require.NoError(t, w.Authorize(w.ctx, registry.Grant{ID: id, ClientID: client, Subject: subject},
			registry.Code{Hash: id, ExpiresAt: start.Add(codeLife)}))
		require.NoError(t, w.RedeemCode(w.ctx, id, nil, start.Add(accessLife)))
	}
	w.redeem()
	w.redeem()
	w.authorize()
	done, _ := w.redeem()
	require.NoError(t, w.EndGrant(w.ctx, done, "before"))
	authorize("bob's", "app", "bob")
	authorize("ann's other", "other", "ann")

	ended, err := w.EndGrants(w.ctx, "ann", "app", "disconnected")
	require.NoError(t, err)
	require.Equal(t, 3, ended)
	expires := stored(start.Add(accessLife))
	require.Equal(t, map[string]time.Time{"grant g1": expires, "grant g2": expires, "grant " + done: expires}, w.pending())
	require.Equal(t, "disconnected", w.grant("code-g3").EndReason)
	require.Equal(t, "before", w.grant("code-"+done).EndReason)
	for _, hash := range []string{"bob's", "ann's other"} {
		require.False(t, w.grant(hash).Ended(), hash)
	}
	ended, err = w.EndGrants(w.ctx, "ann", "app", "disconnected")
	require.NoError(t, err)
	require.Zero(t, ended)
}

func everythingOfSubjectEnded(t *testing.T, w *world) {
	require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: "other"}))
	for _, id := range []string{"ann's", "bob's"} {
		require.NoError(t, w.Authorize(w.ctx, registry.Grant{ID: id, ClientID: "other", Subject: id[:3]},
			registry.Code{Hash: id, ExpiresAt: start.Add(codeLife)}))
		require.NoError(t, w.RedeemCode(w.ctx, id, nil, start.Add(accessLife)))
	}
	w.redeem()
	w.authorize()
	done, _ := w.redeem()
	require.NoError(t, w.EndGrant(w.ctx, done, "before"))

	ended, err := w.EndGrantsOfSubject(w.ctx, "ann", "user_denied")
	require.NoError(t, err)
	require.Equal(t, 3, ended)
	expires := stored(start.Add(accessLife))
	require.Equal(t, map[string]time.Time{"grant ann's": expires, "grant g1": expires, "grant " + done: expires}, w.pending())
	require.Equal(t, "user_denied", w.grant("ann's").EndReason)
	require.Equal(t, "before", w.grant("code-"+done).EndReason)
	require.False(t, w.grant("bob's").Ended())
	ended, err = w.EndGrantsOfSubject(w.ctx, "ann", "user_denied")
	require.NoError(t, err)
	require.Zero(t, ended)
}

func connectionsListed(t *testing.T, w *world) {
	require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: "other", Name: "Other", URL: "https://other.example", ImageURL: "https://other.example/i"}))
	require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: "gone", Name: "Gone"}))
	const tools, reports = "https://api.example/tools", "https://it's \"reports\".example"
	resources := map[string][]string{"4": {tools, reports}, "5": {"https://ended.example"}, "6": {"https://bobs.example"}}
	connect := func(id, client, subject, redirectURI string, scopes ...string) {
		w.Advance(time.Second)
		require.NoError(t, w.Authorize(w.ctx,
			registry.Grant{ID: id, ClientID: client, Subject: subject, RedirectURI: redirectURI, Scopes: scopes, Resources: resources[id]},
			registry.Code{Hash: id, ExpiresAt: w.Now().Add(codeLife)}))
		require.NoError(t, w.RedeemCode(w.ctx, id, nil, w.Now().Add(accessLife)))
	}
	connect("1", "app", "ann", "https://app.example/old", "b", "it's \"quoted\"")
	connect("2", "gone", "ann", "", "a")
	connect("3", "other", "ann", "https://other.example/cb")
	connect("4", "app", "ann", "https://app.example/new", "a", "b")
	connect("5", "app", "ann", "https://app.example/ended", "ended")
	require.NoError(t, w.EndGrant(w.ctx, "5", "user"))
	connect("6", "app", "bob", "https://app.example/bob", "bob's")
	w.authorize() // never redeemed
	require.NoError(t, w.DeleteClient(w.ctx, "gone", w.Now().Add(accessLife)))

	connections, err := w.ConnectionsOf(w.ctx, "ann")
	require.NoError(t, err)
	require.Equal(t, []registry.Connection{
		{ClientID: "app", Name: "App", RedirectURI: "https://app.example/new", Since: stored(start.Add(time.Second)), LastUsedOn: date(start), Scopes: []string{"a", "b", "it's \"quoted\""}, Resources: []string{"", tools, reports}},
		{ClientID: "other", Name: "Other", URL: "https://other.example", ImageURL: "https://other.example/i", RedirectURI: "https://other.example/cb", Since: stored(start.Add(3 * time.Second)), LastUsedOn: date(start), Resources: []string{""}},
	}, connections)
	connections, err = w.ConnectionsOf(w.ctx, "nobody")
	require.NoError(t, err)
	require.Empty(t, connections)

	live, err := w.LiveGrants(w.ctx, "ann", "app", 10)
	require.NoError(t, err)
	require.Equal(t, []registry.Grant{w.grant("4"), w.grant("1")}, live)
	live, err = w.LiveGrants(w.ctx, "ann", "app", 1)
	require.NoError(t, err)
	require.Equal(t, []registry.Grant{w.grant("4")}, live)

	for id, code := range map[string]string{"1": "1", "5": "5", "6": "6"} {
		one, err := w.Grant(w.ctx, id)
		require.NoError(t, err)
		require.Equal(t, w.grant(code), one)
	}
	require.ErrorIs(t, second(w.Grant(w.ctx, "nobody's")), registry.ErrNotFound)
}

// everythingAtOnce: operations that touch the same rows in every order neither
// wait for each other in a circle nor fail in words of the database's own.
func everythingAtOnce(t *testing.T, w *world) {
	var hashes []string
	for range 20 {
		_, hash := w.redeem()
		hashes = append(hashes, hash)
	}
	expected := []error{nil, registry.ErrNotFound, registry.ErrGrantEnded, registry.ErrRefreshReused, registry.ErrCodeUsed}
	for _, err := range registrytest.Race(60, func(i int) error {
		grantID := fmt.Sprintf("g%d", i%20+1)
		switch i % 10 {
		case 0:
			return second(w.EndGrants(w.ctx, "ann", "app", "disconnected"))
		case 1:
			if i < 30 {
				return w.DisableClient(w.ctx, "app", start.Add(accessLife))
			}
			return w.DeleteClient(w.ctx, "app", start.Add(accessLife))
		case 2:
			return w.rotate(hashes[i%20], fmt.Sprint("next", i))
		case 3:
			return w.EndGrant(w.ctx, grantID, "user")
		case 4:
			return w.RedeemCode(w.ctx, "code-"+grantID, nil, start.Add(accessLife))
		case 5:
			pending, err := w.PendingRevocations(w.ctx, 100)
			return errors.Join(err, w.MarkDelivered(w.ctx, pending))
		case 6:
			id := fmt.Sprint("late", i)
			return w.Authorize(w.ctx, registry.Grant{ID: id, ClientID: "app", Subject: "ann"},
				registry.Code{Hash: id, ExpiresAt: start.Add(codeLife)})
		case 7:
			return second(w.Purge(w.ctx, 0, 5))
		case 8:
			return second(w.EndGrantsOfSubject(w.ctx, "ann", "denied"))
		default:
			return second(w.UpdateClient(w.ctx, "app", func(c *registry.Client) error { c.Name += "!"; return nil }))
		}
	}) {
		require.True(t, func() bool {
			for _, want := range expected {
				if errors.Is(err, want) {
					return true
				}
			}
			return false
		}(), "%v", err)
	}
	live, err := w.DB().NewSelect().Table("grants").Where("ended_at IS NULL").Count(w.ctx)
	require.NoError(t, err)
	require.Zero(t, live)
}
