package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

const agent = "https://agent.example/client.json"

func described(fingerprint string) registry.Client {
	return registry.Client{
		ID: agent, Name: "Agent " + fingerprint, RedirectURIs: []string{"http://127.0.0.1/" + fingerprint}, Public: true, Fingerprint: fingerprint,
	}
}

// allowAgent is what becomes of a user's yes to the agent.
func (w *world) allowAgent(subject, grantID string) error {
	if err := w.KeepDocumentClient(w.ctx, described("a"), subject, 3); err != nil {
		return err
	}
	return w.Authorize(w.ctx, registry.Grant{ID: grantID, ClientID: agent, Subject: subject, Fingerprint: "a"},
		registry.Code{Hash: "code of " + grantID, ExpiresAt: w.Now().Add(codeLife)})
}

func documentClientKept(t *testing.T, w *world) {
	require.NoError(t, w.allowAgent("ann", "theirs"))
	granted, err := w.Grant(w.ctx, "theirs")
	require.NoError(t, err)
	require.Equal(t, "a", granted.Fingerprint)
	want := described("a")
	want.CreatedAt, want.UpdatedAt = stored(start), stored(start)
	got, err := w.Client(w.ctx, agent)
	require.NoError(t, err)
	require.Equal(t, want, got)

	w.Advance(time.Minute)
	require.NoError(t, w.KeepDocumentClient(w.ctx, described("b"), "ann", 3))
	want = described("b")
	want.CreatedAt, want.UpdatedAt = stored(start), stored(start.Add(time.Minute))
	got, err = w.Client(w.ctx, agent)
	require.NoError(t, err)
	require.Equal(t, want, got, "it is what its document says now")

	for _, err := range registrytest.Race(20, func(i int) error { return w.KeepDocumentClient(w.ctx, described(fmt.Sprint(i%3)), "ann", 3) }) {
		require.NoError(t, err)
	}
	registered := described("a")
	registered.ID = "app"
	require.ErrorIs(t, w.KeepDocumentClient(w.ctx, registered, "ann", 3), registry.ErrNotFound, "it takes nobody's place")
	require.ErrorIs(t, w.KeepDocumentClient(w.ctx, registry.Client{ID: agent}, "ann", 3), registry.ErrInvalid)
}

func documentClientsBounded(t *testing.T, w *world) {
	keep := func(id string) error {
		c := described("a")
		c.ID = id
		if err := w.KeepDocumentClient(w.ctx, c, "ann", 3); err != nil {
			return err
		}
		return w.Authorize(w.ctx, registry.Grant{ID: "of " + id, ClientID: id, Subject: "ann", Fingerprint: "a"},
			registry.Code{Hash: "of " + id, ExpiresAt: w.Now().Add(codeLife)})
	}
	w.authorize()
	for _, id := range []string{"https://1", "https://2", "https://3"} {
		require.NoError(t, keep(id))
	}
	require.ErrorIs(t, keep("https://4"), registry.ErrNoRoom)
	require.NoError(t, w.KeepDocumentClient(w.ctx, described("a"), "bob", 3), "others are not concerned")
	again := described("a")
	again.ID = "https://2"
	require.NoError(t, w.KeepDocumentClient(w.ctx, again, "ann", 3), "it has access already")
	require.NoError(t, w.EndGrant(w.ctx, "of https://1", "user"))
	require.NoError(t, keep("https://4"))
}

func documentClientBarred(t *testing.T, w *world) {
	for name, bar := range map[string]func(string) error{
		"disabled": func(id string) error { return w.DisableClient(w.ctx, id, w.Now().Add(time.Hour)) },
		"deleted":  func(id string) error { return w.DeleteClient(w.ctx, id, w.Now().Add(time.Hour)) },
	} {
		c := described("a")
		c.ID += "?" + name
		require.NoError(t, w.KeepDocumentClient(w.ctx, c, "ann", 3))
		barred, err := w.IsBarred(w.ctx, c.ID)
		require.NoError(t, err)
		require.False(t, barred)
		require.NoError(t, bar(c.ID))
		w.Advance(1000 * day)
		w.purge()
		barred, err = w.IsBarred(w.ctx, c.ID)
		require.NoError(t, err)
		require.True(t, barred, name)
		require.ErrorIs(t, w.KeepDocumentClient(w.ctx, c, "ann", 3), registry.ErrNotFound, "it does not come back: %s", name)
	}
	barred, err := w.IsBarred(w.ctx, "https://nobody")
	require.NoError(t, err)
	require.False(t, barred)
}

func purgedDocumentClients(t *testing.T, w *world) {
	require.NoError(t, w.allowAgent("ann", "theirs"))
	unused := described("a")
	unused.ID = "https://unused"
	require.NoError(t, w.KeepDocumentClient(w.ctx, unused, "ann", 3))
	require.NoError(t, second(w.Purge(w.ctx, 0, 100)))
	require.NoError(t, second(w.Client(w.ctx, unused.ID)), "the grant may be about to be made")
	w.Advance(margin + time.Microsecond)
	require.Equal(t, 1, w.purge())
	require.ErrorIs(t, second(w.Client(w.ctx, unused.ID)), registry.ErrNotFound)
	require.NoError(t, second(w.Client(w.ctx, agent)), "it has a grant")
	require.NoError(t, w.EndGrant(w.ctx, "theirs", "user"))
	w.Advance(margin + time.Microsecond)
	w.purge()
	require.ErrorIs(t, second(w.Client(w.ctx, agent)), registry.ErrNotFound)
	require.NoError(t, second(w.Client(w.ctx, "app")), "an operator's client stays")
	require.NoError(t, w.allowAgent("ann", "again"))
}

// purgedAgainstAllowing: nobody's yes is lost because the client had no grant a moment before.
func purgedAgainstAllowing(t *testing.T, w *world) {
	for i := range 20 {
		require.NoError(t, w.KeepDocumentClient(w.ctx, described("a"), "ann", 3))
		w.Advance(margin + time.Second)
		for _, err := range registrytest.Race(4, func(n int) error {
			if n%2 == 0 {
				return second(w.Purge(w.ctx, margin, 100))
			}
			return w.allowAgent("ann", fmt.Sprintf("g %d %d", i, n))
		}) {
			require.NoError(t, err)
		}
		require.NoError(t, second(w.EndGrants(w.ctx, "ann", agent, "user")))
		w.Advance(margin + time.Second)
		w.purge()
	}
}
