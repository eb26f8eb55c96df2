package authz_test

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/admin"
	"gatehouse/authz/client"
	"gatehouse/authz/outbox"
	"gatehouse/registry"
)

// operator is what the command line works with.
func (w *world) operator() *admin.Operator {
	return &admin.Operator{
		Registry: w.registry,
		Relay:    w.relay,
		Keyring:  w.newKeyring(),
		Scopes:   routeScopes,
		Actor:    "root at the console",
		Log:      slog.New(slog.NewJSONHandler(w.log, nil)),
		Now:      w.clock.Now,
	}
}

func TestExistingClientsAreImportedWithTheirIDsAndSecrets(t *testing.T) {
	w := newWorld(t)
	created, secret, err := w.operator().CreateClient(t.Context(), client.Settings{
		ID: "MIGRATED-1", Secret: "a word", Name: "Migrated", Domain: callback,
	})
	require.NoError(t, err)
	require.Equal(t, "MIGRATED-1", created.ID)
	require.Equal(t, "a word", secret)
	require.NotContains(t, created.SecretHash, "a word")
	require.NotContains(t, created.SecretHash, "sha256", "someone chose it: a fast hash would give it away")
	tokens := w.post("/oauth/token", redemption(w.code("MIGRATED-1")), basic("MIGRATED-1", "a word"))
	require.Equal(t, http.StatusOK, tokens.StatusCode, tokens.text)

	_, _, err = w.operator().CreateClient(t.Context(), client.Settings{ID: "app", Name: "Another", Domain: callback})
	require.ErrorIs(t, err, registry.ErrExists)
}

func TestChosenIDsAndSecretsThatAreNotAccepted(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]client.Settings{
		"an id with a space":       {ID: "a b"},
		"an id with a line break":  {ID: "a\nb"},
		"an id of other letters":   {ID: "ä"},
		"a long id":                {ID: strings.Repeat("x", 201)},
		"a long secret":            {Secret: strings.Repeat("x", 73)},
		"a secret that is no text": {Secret: "\xff"},
		"a secret nobody can keep": {Secret: "x", Public: true},
	} {
		c.Name, c.Domain = "n", callback
		_, _, err := w.operator().CreateClient(t.Context(), c)
		var invalid *client.InvalidError
		require.ErrorAs(t, err, &invalid, name)
		require.Len(t, invalid.Problems, 1, name)
	}
	_, _, err := w.operator().CreateClient(t.Context(), client.Settings{ID: " ", Secret: strings.Repeat("x", 73), URL: "x"})
	for _, problem := range []string{"id:", "secret:", "name is required", "URL:", "a domain or a redirect URI is required"} {
		require.ErrorContains(t, err, problem, "every problem at once")
	}
}

func TestAChangeLeavesAloneWhatItDoesNotName(t *testing.T) {
	w := newWorld(t)
	before, err := w.operator().Client(t.Context(), "app")
	require.NoError(t, err)
	w.clock.Advance(1)
	uris, scopes := []string{"https://new.example/cb"}, []string{"balance:read"}
	none := ""
	after, err := w.operator().UpdateClient(t.Context(), "app", client.Change{
		RedirectURIs: &uris, Domain: &none, Scopes: &scopes, ImageURL: &none,
	})
	require.NoError(t, err)
	before.RedirectURIs, before.Domain, before.Scopes, before.ImageURL = uris, "", scopes, ""
	before.UpdatedAt = after.UpdatedAt
	require.Equal(t, before, after)
}

func TestAChangeLeavesNoClientUseless(t *testing.T) {
	w := newWorld(t)
	empty, none := "", []string{}
	words, web, credentials := []string{"x"}, []string{"http://web.example"}, []string{"client_credentials"}
	for name, c := range map[string]struct {
		client string
		change client.Change
	}{
		"no name":                        {"app", client.Change{Name: &empty}},
		"a bad link":                     {"app", client.Change{URL: &words[0]}},
		"a bad domain":                   {"app", client.Change{Domain: &words[0]}},
		"a bad redirect URI":             {"app", client.Change{RedirectURIs: &web}},
		"an unknown scope":               {"app", client.Change{Scopes: &words}},
		"an unknown grant type":          {"app", client.Change{GrantTypes: &words}},
		"nowhere to send codes":          {"app", client.Change{Domain: &empty}},
		"no redirect URI":                {"spa", client.Change{RedirectURIs: &none}},
		"codes for who has no callback":  {"service", client.Change{GrantTypes: &none}},
		"credentials of a public client": {"spa", client.Change{GrantTypes: &credentials}},
	} {
		_, err := w.operator().UpdateClient(t.Context(), c.client, c.change)
		var invalid *client.InvalidError
		require.ErrorAs(t, err, &invalid, name)
	}
	_, err := w.operator().UpdateClient(t.Context(), "nobody", client.Change{Domain: &empty})
	require.ErrorIs(t, err, registry.ErrNotFound)
}

// Each change would leave the client usable, both together would not.
func TestTwoChangesAtOnceLeaveNoClientUseless(t *testing.T) {
	w := newWorld(t)
	domain, uris, empty, none := "https://app.example", []string{"https://app.example/cb"}, "", []string{}
	for range 20 {
		_, err := w.operator().UpdateClient(t.Context(), "app", client.Change{Domain: &domain, RedirectURIs: &uris})
		require.NoError(t, err)
		var changes sync.WaitGroup
		var refused atomic.Int32
		for _, change := range []client.Change{{Domain: &empty}, {RedirectURIs: &none}} {
			changes.Go(func() {
				var invalid *client.InvalidError
				if _, err := w.operator().UpdateClient(t.Context(), "app", change); errors.As(err, &invalid) {
					refused.Add(1)
				}
			})
		}
		changes.Wait()
		require.EqualValues(t, 1, refused.Load(), "the one that came second")
		left, err := w.operator().Client(t.Context(), "app")
		require.NoError(t, err)
		require.NotEmpty(t, append(left.RedirectURIs, left.Domain)[0], "there is nowhere left to send codes")
	}
}

func TestTheCommandLineIsToldWhatTheAPIIs(t *testing.T) {
	w := newWorld(t)
	o, ctx := w.operator(), t.Context()
	clients, err := o.Clients(ctx)
	require.NoError(t, err)
	require.Len(t, clients, 7)
	_, err = o.NewSecret(ctx, "spa")
	require.ErrorContains(t, err, "public client")
	_, err = o.NewSecret(ctx, "nobody")
	require.ErrorIs(t, err, registry.ErrNotFound)

	w.redis.SetError("LOADING")
	remove := func(id string) error { _, err := o.DeleteClient(ctx, id); return err }
	require.ErrorIs(t, remove("app"), outbox.ErrUndelivered)
	_, err = o.Revoke(ctx, admin.Target{ClientID: "other"})
	require.ErrorIs(t, err, outbox.ErrUndelivered)
	w.redis.SetError("")
	require.ErrorIs(t, remove("app"), registry.ErrNotFound)
	left := w.pending()
	require.Len(t, left, 1, "the next try delivers what it is about, and nothing else")
	require.Equal(t, "other", left[0].ID)
	_, err = o.Revoke(ctx, admin.Target{ClientID: "other"})
	require.NoError(t, err)
	require.Empty(t, w.pending())

	w.redis.SetError("LOADING")
	require.ErrorIs(t, remove("once"), outbox.ErrUndelivered)
	w.redis.SetError("")
	_, err = o.Revoke(ctx, admin.Target{ClientID: "once"})
	require.ErrorIs(t, err, registry.ErrNotFound)
	require.Empty(t, w.pending(), "whatever the next try is")
}

// audit is what the registry has recorded since the last call, oldest first: actor, action, target.
func (w *world) audit(since *registry.AuditRecord) (records [][3]string) {
	w.Helper()
	all, err := w.registry.Audit(w.Context(), registry.AuditRecord{}, 1000)
	require.NoError(w, err)
	for _, r := range all {
		if r.ID <= since.ID {
			break
		}
		records = append([][3]string{{r.Actor, r.Action, r.Target}}, records...)
	}
	if len(all) > 0 {
		*since = all[0]
	}
	return records
}

func TestEveryChangeOfAnAdministratorIsRecordedAndLogged(t *testing.T) {
	w := newWorld(t)
	const admin = "admin 127.0.0.1"
	var since registry.AuditRecord
	require.Equal(t, [][3]string{{"key schedule", "key.add", w.keys.Signing().ID()}}, w.audit(&since))

	created := w.adminDo("POST", "", `{"name":"N","domain":"https://n.example"}`)
	id := created.str("clientId")
	a := w.tokens()
	claims := w.claims(a.str("access_token"))
	require.Empty(t, w.audit(&since)[1:], "what clients and users do is not an administrator's")

	for _, step := range []struct {
		do      func() answer
		records [][3]string
		line    string
	}{
		{func() answer { return w.adminDo("PUT", "/"+id, `{"name":"M"}`) }, [][3]string{{admin, "client.update", id}}, "client updated"},
		{func() answer { return w.adminDo("POST", "/"+id+"/secret", "") }, [][3]string{{admin, "client.secret", id}}, "client secret replaced"},
		{func() answer { return w.adminDo("DELETE", "/"+id, "") }, [][3]string{{admin, "client.delete", id}}, "client deleted"},
		{func() answer { return w.revokeAny(`{"token":"` + claims.ID + `"}`) }, [][3]string{{admin, "token.revoke", claims.ID}}, "revoked"},
		{func() answer { return w.revokeAny(`{"user":"` + subject + `"}`) }, [][3]string{{admin, "grant.end", claims.GrantID}}, "revoked"},
		{func() answer { return w.revokeAny(`{"client":"other"}`) }, [][3]string{{admin, "client.disable", "other"}}, "revoked"},
	} {
		before := len(w.log.String())
		r := step.do()
		require.Less(t, r.StatusCode, 300, r.text)
		require.Equal(t, step.records, w.audit(&since))
		require.Contains(t, w.log.String()[before:], `"msg":"`+step.line+`","actor":"`+admin+`"`)
	}
	require.Empty(t, w.adminDo("GET", "", "").json)
	require.Empty(t, w.audit(&since), "looking changes nothing")
	require.NotContains(t, w.log.String(), created.str("clientSecret"))

	_, err := w.operator().NewSecret(t.Context(), "app")
	require.NoError(t, err)
	require.Equal(t, [][3]string{{"root at the console", "client.secret", "app"}}, w.audit(&since))
}

func TestWhoeverDoesNotSayWhoHeIsChangesNothing(t *testing.T) {
	w := newWorld(t)
	o, ctx := w.operator(), t.Context()
	o.Actor = ""
	_, _, err := o.CreateClient(ctx, client.Settings{ID: "new", Name: "New", Domain: callback})
	require.Error(t, err)
	_, err = o.Client(ctx, "new")
	require.ErrorIs(t, err, registry.ErrNotFound)
	_, err = o.DeleteClient(ctx, "app")
	require.Error(t, err)
	_, err = o.Revoke(ctx, admin.Target{ClientID: "app"})
	require.Error(t, err)
	_, err = o.Rotate(ctx)
	require.Error(t, err)
	require.Equal(t, http.StatusOK, w.redeem(w.code("app")).StatusCode)
	states, err := o.Keys(ctx)
	require.NoError(t, err)
	require.Len(t, states, 1)
}
