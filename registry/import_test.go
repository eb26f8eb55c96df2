package registry_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

const elsewhere = "oauth2server oauth"

// from is a run of an import that begins now.
func (w *world) from(most int) *registry.Import {
	return &registry.Import{Source: elsewhere, Run: w.Now(), Most: most}
}

// foreign is a grant of another server, with both tokens.
func foreign(id string) registry.ImportedGrant {
	return registry.ImportedGrant{
		Grant: registry.Grant{
			ID: id, ClientID: "app", Subject: "ann", Scopes: []string{"read", "write"}, RedirectURI: "https://app.example/cb",
			AccessLifespan: time.Hour, CreatedAt: start.Add(-time.Hour),
		},
		Refresh: &registry.RefreshToken{Hash: "refresh-" + id, CreatedAt: start.Add(-time.Hour), ExpiresAt: start.Add(30 * day)},
		Access:  &registry.ImportedToken{Hash: "access-" + id, IssuedAt: start.Add(-time.Hour), ExpiresAt: start.Add(2 * time.Hour)},
	}
}

func (w *world) take(run *registry.Import, batch ...registry.ImportedGrant) []registry.ImportOutcome {
	w.t.Helper()
	outcomes, err := w.ImportGrants(w.ctx, run, batch)
	require.NoError(w.t, err)
	require.Len(w.t, outcomes, len(batch))
	return outcomes
}

func (w *world) finish(run *registry.Import) int {
	w.t.Helper()
	gone, err := w.FinishImport(w.ctx, run, func(string) bool { return false })
	require.NoError(w.t, err)
	return gone
}

// grantsImported: what was taken over is used as if it had come from here.
func grantsImported(t *testing.T, w *world) {
	run := w.from(50)
	onlyAccess, noClient := foreign("3"), foreign("4")
	onlyAccess.Refresh, noClient.ClientID = nil, "nobody"
	onlyRefresh := foreign("2")
	onlyRefresh.Access = nil
	taken, none := registry.ImportTaken, registry.ImportNoClient
	require.Equal(t, []registry.ImportOutcome{taken, taken, taken, none, registry.ImportKnown},
		w.take(run, foreign("1"), onlyRefresh, onlyAccess, noClient, foreign("1")))
	require.Zero(t, w.finish(run))

	token, grant, err := w.RefreshToken(w.ctx, "refresh-1")
	require.NoError(t, err)
	require.Equal(t, stored(start.Add(30*day)), token.ExpiresAt)
	require.Equal(t, []string{"read", "write"}, grant.Scopes)
	require.Equal(t, time.Hour, grant.AccessLifespan)
	require.Equal(t, stored(start.Add(-time.Hour)), grant.CreatedAt)
	connections, err := w.ConnectionsOf(w.ctx, "ann")
	require.NoError(t, err)
	require.Len(t, connections, 1, "the user sees it and can end it")

	require.NoError(t, w.rotate("refresh-1", "next"))
	require.ErrorIs(t, w.rotate("refresh-1", "thief's"), registry.ErrRefreshReused)
	require.True(t, w.grant2("1").Ended())
	require.Contains(t, w.pending(), "grant 1")

	require.NoError(t, w.EndGrant(w.ctx, "3", "user"))
	require.Equal(t, stored(start.Add(2*time.Hour)), w.pending()["grant 3"].UTC(), "its access token is refused as long as it lives")
}

func (w *world) grant2(id string) registry.Grant {
	w.t.Helper()
	grant, err := w.Grant(w.ctx, id)
	require.NoError(w.t, err)
	return grant
}

// grantsImportedAtOnce: several runs beside each other take each grant once.
func grantsImportedAtOnce(t *testing.T, w *world) {
	batch := []registry.ImportedGrant{foreign("1"), foreign("2"), foreign("3")}
	taken := 0
	for _, outcomes := range registrytest.Race(8, func(int) []registry.ImportOutcome {
		outcomes, err := w.ImportGrants(w.ctx, w.from(50), batch)
		require.NoError(t, err)
		return outcomes
	}) {
		for _, outcome := range outcomes {
			if outcome == registry.ImportTaken {
				taken++
			}
		}
	}
	require.Equal(t, 3, taken)
	require.Equal(t, 3, w.count("refresh_tokens"))
}

// grantsImportedUpToTheBound: a user's grants of here count, and stay.
func grantsImportedUpToTheBound(t *testing.T, w *world) {
	own, _ := w.redeem() // of ann to app
	run := w.from(3)
	over := registry.ImportOverMost
	require.Equal(t, []registry.ImportOutcome{registry.ImportTaken, registry.ImportTaken, over},
		w.take(run, foreign("1"), foreign("2"), foreign("3")))
	other := foreign("5")
	other.Subject = "bob"
	require.Equal(t, []registry.ImportOutcome{over, registry.ImportTaken}, w.take(run, foreign("4"), other))
	require.False(t, w.grant2(own).Ended())
	require.ErrorIs(t, third(w.RefreshToken(w.ctx, "refresh-3")), registry.ErrNotFound)
}

// grantsImportedStayEnded: what a user took back here is not brought back by another run, also long after it was removed.
func grantsImportedStayEnded(t *testing.T, w *world) {
	require.Equal(t, []registry.ImportOutcome{registry.ImportTaken}, w.take(w.from(50), foreign("1")))
	require.NoError(t, w.EndGrant(w.ctx, "1", "user"))
	w.Advance(10 * day)
	w.purge()
	require.ErrorIs(t, third(w.RefreshToken(w.ctx, "refresh-1")), registry.ErrNotFound, "removed")

	require.Equal(t, []registry.ImportOutcome{registry.ImportKnown}, w.take(w.from(50), foreign("1")))
	require.ErrorIs(t, third(w.RefreshToken(w.ctx, "refresh-1")), registry.ErrNotFound)

	w.Advance(21 * day)
	w.purge()
	require.Zero(t, w.count("imported_grants"), "it has expired at its source, too")
}

// grantsTakenBack: nor is what its source has refreshed meanwhile, or what was not taken the first time.
func grantsTakenBack(t *testing.T, w *world) {
	own, _ := w.redeem() // before anything was imported
	require.NoError(t, w.EndGrant(w.ctx, own, "user"))
	of := func(id, subject string) registry.ImportedGrant {
		grant := foreign(id)
		grant.Subject = subject
		return grant
	}
	first := w.from(1)
	taken, back := registry.ImportTaken, registry.ImportTakenBack
	require.Equal(t, []registry.ImportOutcome{taken, registry.ImportOverMost, taken, taken, taken, taken},
		w.take(first, foreign("1"), foreign("over"), of("2", "bob"), of("3", "cid"), of("4", "dan"), of("5", "eve")))
	require.Zero(t, w.finish(first))
	ended, err := w.EndGrants(w.ctx, "ann", "app", "user")
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	require.NoError(t, w.EndGrant(w.ctx, "2", "revoked"))
	require.NoError(t, w.rotate("refresh-3", "next"))
	require.ErrorIs(t, w.rotate("refresh-3", "thief's"), registry.ErrRefreshReused)
	require.NoError(t, w.Authorize(w.ctx, registry.Grant{ID: "eve's own", ClientID: "app", Subject: "eve"},
		registry.Code{Hash: "eve's", ExpiresAt: w.Now().Add(codeLife)}))
	w.Advance(day)
	w.purge()

	second := w.from(2)
	rehearsal := w.from(2)
	rehearsal.Rehearse = true
	refreshed := []registry.ImportedGrant{
		foreign("1"), foreign("refreshed 1"), foreign("over"), of("refreshed 2", "bob"), of("refreshed 3", "cid"), of("refreshed 4", "dan"), of("refreshed 5", "eve"),
	}
	want := []registry.ImportOutcome{registry.ImportKnown, back, back, back, back, taken, registry.ImportOverMost}
	require.Equal(t, want, w.take(rehearsal, refreshed...))
	require.Equal(t, want, w.take(second, refreshed...))
	require.Equal(t, 2, w.finish(second), "of dan and eve, who have taken nothing back")
	require.Equal(t, []registry.ImportOutcome{taken}, w.take(w.from(2), of("later", "eve")))
	require.Empty(t, w.live())
}

// takenBackMeanwhile: who takes something back while it is taken over is not too late.
func takenBackMeanwhile(t *testing.T, w *world) {
	w.take(w.from(50), foreign("1"))
	ended := make(chan error, 1)
	importer := w.WithQueryHook(&atInsert{into: "imported_grants", then: func() {
		go func() { ended <- second(w.EndGrants(w.ctx, "ann", "app", "user")) }()
		select {
		case err := <-ended:
			ended <- err
		case <-time.After(200 * time.Millisecond): // it waits for the import
		}
	}})
	require.NoError(t, second(importer.ImportGrants(w.ctx, w.from(50), []registry.ImportedGrant{foreign("refreshed")})))
	require.NoError(t, <-ended)
	require.Empty(t, w.live())
}

// atInsert does something else before the first row is inserted into a table.
type atInsert struct {
	into string
	then func()
}

func (a *atInsert) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if strings.HasPrefix(event.Query, `INSERT INTO "`+a.into+`"`) && a.then != nil {
		a.then()
		a.then = nil
	}
	return ctx
}

func (a *atInsert) AfterQuery(context.Context, *bun.QueryEvent) {}

// grantsGoneAtTheirSource: a token that was refreshed there after an earlier run has no second successor here.
func grantsGoneAtTheirSource(t *testing.T, w *world) {
	w.Registry = w.By("admin")
	first := w.from(50)
	w.take(first, foreign("gone"), foreign("kept"), foreign("used"), foreign("late"))
	require.Zero(t, w.finish(first))
	require.NoError(t, w.rotate("refresh-used", "next"))
	another := &registry.Import{Source: "another", Run: w.Now(), Most: 50}
	w.take(another, foreign("another"))

	w.Advance(time.Minute)
	second := w.from(50)
	require.Equal(t, []registry.ImportOutcome{registry.ImportKnown, registry.ImportTaken}, w.take(second, foreign("kept"), foreign("new")))
	require.Equal(t, []registry.ImportOutcome{registry.ImportKnown}, w.take(second, foreign("late")))
	require.Equal(t, 1, w.finish(second))
	require.True(t, w.grant2("gone").Ended())
	require.ErrorIs(t, w.rotate("refresh-gone", "second successor"), registry.ErrGrantEnded)
	require.Contains(t, w.pending(), "grant gone", "its access token is refused, too")
	for _, id := range []string{"kept", "used", "late", "new", "another"} {
		require.False(t, w.grant2(id).Ended(), id)
	}
	require.Contains(t, w.audit(), "admin grant.end gone: gone_at_source, client app, subject ann")
	require.Contains(t, w.audit(), "admin grant.import oauth2server oauth: grants taken over: 4, of clients: 1")
	require.Zero(t, w.finish(second))
}

// importRehearsed: it says what would be, and nothing is.
func importRehearsed(t *testing.T, w *world) {
	earlier := w.from(3)
	w.take(earlier, foreign("gone"))
	w.Advance(time.Minute)
	before := map[string]int{}
	tables := []string{"grants", "refresh_tokens", "imported_grants", "revocations", "audit", "clients"}
	for _, table := range tables {
		before[table] = w.count(table)
	}
	run := w.from(3)
	run.Rehearse, run.Clients = true, map[string]bool{"soon": true}
	soon := foreign("soon")
	soon.ClientID = "soon"
	require.Equal(t, []registry.ImportOutcome{registry.ImportTaken, registry.ImportTaken}, w.take(run, foreign("1"), soon))
	require.Equal(t, []registry.ImportOutcome{registry.ImportTaken, registry.ImportOverMost}, w.take(run, foreign("2"), foreign("3")))
	require.Equal(t, 1, w.finish(run))
	gone, err := w.FinishImport(w.ctx, run, func(id string) bool { return id == "gone" })
	require.NoError(t, err)
	require.Zero(t, gone)
	for _, table := range tables {
		require.Equal(t, before[table], w.count(table), table)
	}
	require.False(t, w.grant2("gone").Ended())
}

// importedTokens are found by their hash, and told to gateways once.
func importedTokens(t *testing.T, w *world) {
	dead, never := foreign("dead"), foreign("never")
	dead.Access.ExpiresAt, never.Access = start.Add(time.Minute), nil
	w.take(w.from(50), foreign("1"), foreign("2"), dead, never)

	found, err := w.ImportedAccessToken(w.ctx, "access-1")
	require.NoError(t, err)
	require.Equal(t, registry.ImportedToken{Hash: "access-1", IssuedAt: stored(start.Add(-time.Hour)), ExpiresAt: stored(start.Add(2 * time.Hour))}, found.ImportedToken)
	require.Equal(t, "1", found.Grant.ID)
	require.Equal(t, "ann", found.Grant.Subject)
	require.Equal(t, "app", found.Grant.ClientID)
	require.Equal(t, []string{"read", "write"}, found.Grant.Scopes)
	require.ErrorIs(t, second(w.ImportedAccessToken(w.ctx, "access-never")), registry.ErrNotFound)

	w.Advance(2 * time.Minute)
	require.Equal(t, []string{"access-1", "access-2"}, hashesOf(w.PendingImportedTokens(w.ctx, 10)))
	require.NoError(t, w.MarkImportedDelivered(w.ctx, "access-1"))
	require.Equal(t, []string{"access-2"}, hashesOf(w.PendingImportedTokens(w.ctx, 10)))
	require.Equal(t, []string{"access-1", "access-2"}, hashesOf(w.ImportedAccessTokens(w.ctx, "", 10)), "delivered or not")
	require.Equal(t, []string{"access-2"}, hashesOf(w.ImportedAccessTokens(w.ctx, "access-1", 10)))
	require.NoError(t, w.EndGrant(w.ctx, "2", "user"))
	require.Equal(t, []string{"access-1"}, hashesOf(w.ImportedAccessTokens(w.ctx, "", 10)))
	require.Empty(t, hashesOf(w.PendingImportedTokens(w.ctx, 10)))
}

func hashesOf(tokens []registry.ImportedAccess, err error) []string {
	if err != nil {
		return []string{err.Error()}
	}
	var hashes []string
	for _, token := range tokens {
		hashes = append(hashes, token.Hash)
	}
	return hashes
}

// clientsImported: one that is there, or was deleted, is left as it is.
func clientsImported(t *testing.T, w *world) {
	w.Registry = w.By("admin")
	require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: "deleted"}))
	require.NoError(t, w.DeleteClient(w.ctx, "deleted", start.Add(time.Hour)))
	deleted, err := w.TakenClientIDs(w.ctx, "app", "deleted", "new")
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"app": false, "deleted": true}, deleted)

	created, err := w.CreateClients(w.ctx, []registry.Client{
		{ID: "app", Name: "another"}, {ID: "deleted"}, {ID: "new", Name: "New", CreatedAt: start.Add(-day), RedirectURIs: []string{"myapp://oauth"}},
		{ID: "newer", DisabledAt: start},
	})
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"new": true, "newer": true}, created)
	client, err := w.Client(w.ctx, "new")
	require.NoError(t, err)
	require.Equal(t, []string{"myapp://oauth"}, client.RedirectURIs)
	require.Equal(t, stored(start.Add(-day)), client.CreatedAt)
	require.False(t, client.Disabled())
	newer, err := w.Client(w.ctx, "newer")
	require.NoError(t, err)
	require.False(t, newer.Disabled())
	require.ErrorIs(t, second(w.Client(w.ctx, "deleted")), registry.ErrNotFound)
	require.Contains(t, w.audit(), "admin client.create new: New")
	created, err = w.CreateClients(w.ctx, []registry.Client{{ID: "new"}})
	require.NoError(t, err)
	require.Empty(t, created)
}

// importEverything is for the plans.
func importEverything(t *testing.T, w *world) {
	t.Helper()
	run := w.from(50)
	batch := make([]registry.ImportedGrant, 500)
	for i := range batch {
		batch[i] = foreign(fmt.Sprint("imported ", i))
		batch[i].Subject = fmt.Sprint("subject ", i)
	}
	require.NoError(t, second(w.ImportGrants(w.ctx, run, batch)))
	require.NoError(t, second(w.ImportGrants(w.ctx, run, batch)))
	require.NoError(t, second(w.FinishImport(w.ctx, run, func(string) bool { return false })))
	require.NoError(t, second(w.ImportedAccessToken(w.ctx, "access-imported 1")))
	require.NoError(t, second(w.ImportedAccessTokens(w.ctx, "access", 500)))
	pending, err := w.PendingImportedTokens(w.ctx, 500)
	require.NoError(t, err)
	require.NoError(t, w.MarkImportedDelivered(w.ctx, hashesOf(pending, nil)...))
	require.NoError(t, second(w.TakenClientIDs(w.ctx, "app")))
	require.NoError(t, second(w.CreateClients(context.WithoutCancel(w.ctx), []registry.Client{{ID: "imported"}})))
}
