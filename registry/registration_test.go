package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

const keptUnused = 24 * time.Hour

// registers is a client that registers itself, where there may be most that were never used.
func (w *world) registers(id string, most int) error {
	return w.Register(w.ctx, w.selfRegistered(id), registry.Registration{TokenHash: "hash of " + id, Metadata: `{"id":"` + id + `"}`}, most)
}

func (w *world) selfRegistered(id string) registry.Client {
	return registry.Client{
		ID: id, Name: "Self " + id, RedirectURIs: []string{"http://127.0.0.1/"}, GrantTypes: []string{"authorization_code"}, SecretHash: "secret",
		Fingerprint: "a", KeptUntil: w.Now().Add(keptUnused),
	}
}

// allows is what becomes of a user's yes to a client that has registered itself.
func (w *world) allows(subject, clientID, grantID string) error {
	if err := w.KeepRegisteredClient(w.ctx, clientID, subject, w.Now().Add(keptUnused), 3); err != nil {
		return err
	}
	return w.Authorize(w.ctx, registry.Grant{ID: grantID, ClientID: clientID, Subject: subject, Fingerprint: "a"},
		registry.Code{Hash: "code of " + grantID, ExpiresAt: w.Now().Add(codeLife)})
}

func (w *world) isThere(id string) bool {
	_, err := w.Client(w.ctx, id)
	if err != nil {
		require.ErrorIs(w.t, err, registry.ErrNotFound)
	}
	return err == nil
}

func registrationRoundTrip(t *testing.T, w *world) {
	require.NoError(t, w.registers("self", 3))
	want := w.selfRegistered("self")
	want.CreatedAt, want.UpdatedAt, want.KeptUntil = stored(start), stored(start), stored(start.Add(keptUnused))
	got, registration, err := w.Registration(w.ctx, "self")
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, registry.Registration{ClientID: "self", TokenHash: "hash of self", Metadata: `{"id":"self"}`, CreatedAt: stored(start)}, registration)
	require.True(t, got.RegisteredItself())
	got, err = w.Client(w.ctx, "self")
	require.NoError(t, err)
	require.Equal(t, want, got)

	require.ErrorIs(t, w.registers("self", 3), registry.ErrExists)
	require.ErrorIs(t, w.registers("app", 3), registry.ErrExists, "it takes nobody's place")
	require.ErrorIs(t, third(w.Registration(w.ctx, "app")), registry.ErrNotFound)
	require.ErrorIs(t, third(w.Registration(w.ctx, "nobody")), registry.ErrNotFound)
	require.Empty(t, w.audited("client.create", "self"), "nobody fills the audit who has no part in it")
	for name, change := range map[string]func(*registry.Client){
		"shown as nothing":  func(c *registry.Client) { c.Fingerprint = "" },
		"gone at once":      func(c *registry.Client) { c.KeptUntil = w.Now() },
		"an operator's own": func(c *registry.Client) { c.KeptUntil = time.Time{} },
	} {
		c := w.selfRegistered("other")
		change(&c)
		require.ErrorIs(t, w.Register(w.ctx, c, registry.Registration{TokenHash: "h"}, 3), registry.ErrInvalid, name)
	}
	require.ErrorIs(t, w.Register(w.ctx, w.selfRegistered("other"), registry.Registration{}, 3), registry.ErrInvalid)
}

// audited are the records of an action on a target.
func (w *world) audited(action, target string) (found []registry.AuditRecord) {
	records, err := w.Audit(w.ctx, registry.AuditRecord{}, 1000)
	require.NoError(w.t, err)
	for _, record := range records {
		if record.Action == action && record.Target == target {
			found = append(found, record)
		}
	}
	return found
}

func registrationUpdated(t *testing.T, w *world) {
	require.NoError(t, w.registers("self", 3))
	w.Advance(time.Minute)
	changed := w.selfRegistered("self")
	changed.Name, changed.RedirectURIs, changed.Fingerprint, changed.DPoPBound = "New", []string{"https://new.example/"}, "b", true
	changed.PushedOnly, changed.Keys, changed.KeysURL, changed.SigningAlg = true, `{"keys":[]}`, "https://new.example/keys", "ES256"
	changed.Public, changed.SecretHash, changed.KeptUntil = true, "another", w.Now().Add(1000*day)
	require.NoError(t, w.UpdateRegistration(w.ctx, changed, "{}"))
	want := changed
	want.Public, want.SecretHash = false, "secret"
	want.CreatedAt, want.UpdatedAt, want.KeptUntil = stored(start), stored(start.Add(time.Minute)), stored(start.Add(keptUnused))
	got, registration, err := w.Registration(w.ctx, "self")
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, "{}", registration.Metadata)
	require.Equal(t, "hash of self", registration.TokenHash)

	changed.ID = "app"
	require.ErrorIs(t, w.UpdateRegistration(w.ctx, changed, "{}"), registry.ErrNotFound)

	got, err = w.UpdateClient(w.ctx, "self", func(c *registry.Client) error { c.Name, c.KeptUntil = "Ours", time.Time{}; return nil })
	require.NoError(t, err)
	require.True(t, got.RegisteredItself(), "nobody makes it an operator's")
	own := w.selfRegistered("own")
	require.NoError(t, w.CreateClient(w.ctx, own))
	got, err = w.Client(w.ctx, "own")
	require.NoError(t, err)
	require.False(t, got.RegisteredItself(), "an operator's has not registered itself")
}

func registrationsBounded(t *testing.T, w *world) {
	require.NoError(t, w.registers("used", 2))
	require.NoError(t, w.allows("ann", "used", "theirs"))
	require.NoError(t, w.registers("1", 2))
	w.Advance(time.Minute)
	require.NoError(t, w.registers("2", 2), "what is used does not count")
	w.Advance(59*time.Minute - time.Second)
	require.ErrorIs(t, w.registers("3", 2), registry.ErrNoRoom, "none that was registered just now goes")
	require.True(t, w.isThere("1"))
	w.Advance(time.Second)
	require.NoError(t, w.registers("3", 2))
	require.False(t, w.isThere("1"), "the oldest goes")
	require.ErrorIs(t, third(w.Registration(w.ctx, "1")), registry.ErrNotFound)
	require.True(t, w.isThere("2"))
	require.ErrorIs(t, w.registers("4", 2), registry.ErrNoRoom)
	require.NoError(t, w.allows("ann", "2", "of 2"))
	require.NoError(t, w.registers("4", 2), "one more is used")
	w.Advance(time.Hour)
	require.NoError(t, w.registers("5", 2))
	require.True(t, w.isThere("used"), "one that is used does not go, however old it is")
	require.True(t, w.isThere("2"))
	require.False(t, w.isThere("3"))
	require.ErrorIs(t, w.registers("6", 0), registry.ErrInvalid)
}

func registrationsBoundedAtOnce(t *testing.T, w *world) {
	var accepted int
	for _, err := range registrytest.Race(10, func(i int) error { return w.registers(fmt.Sprint(i), 3) }) {
		if err == nil {
			accepted++
		} else {
			require.ErrorIs(t, err, registry.ErrNoRoom)
		}
	}
	require.Equal(t, 3, accepted)
}

func registrationAllowed(t *testing.T, w *world) {
	require.NoError(t, w.registers("self", 9))
	w.Advance(time.Hour)
	require.NoError(t, w.allows("ann", "self", "theirs"))
	got, registration, err := w.Registration(w.ctx, "self")
	require.NoError(t, err)
	require.Equal(t, stored(start.Add(time.Hour)), registration.UsedAt)
	require.Equal(t, stored(start.Add(time.Hour+keptUnused)), got.KeptUntil)
	w.Advance(time.Hour)
	require.NoError(t, w.allows("ann", "self", "again"))
	_, registration, err = w.Registration(w.ctx, "self")
	require.NoError(t, err)
	require.Equal(t, stored(start.Add(time.Hour)), registration.UsedAt, "it tells of the first time")

	for _, id := range []string{"2", "3"} {
		require.NoError(t, w.registers(id, 9))
		require.NoError(t, w.allows("ann", id, "of "+id))
	}
	require.NoError(t, w.registers("4", 9))
	require.ErrorIs(t, w.allows("ann", "4", "of 4"), registry.ErrNoRoom, "a user allows few that nobody has registered")
	require.ErrorIs(t, w.KeepDocumentClient(w.ctx, described("a"), "ann", 3), registry.ErrNoRoom, "of whichever kind")
	require.NoError(t, w.allows("bob", "4", "of bob"))
	require.ErrorIs(t, w.KeepRegisteredClient(w.ctx, "app", "bob", w.Now().Add(keptUnused), 3), registry.ErrNotFound)
	require.ErrorIs(t, w.KeepDocumentClient(w.ctx, w.selfRegistered("4"), "bob", 3), registry.ErrNotFound, "no document takes its place")
}

func registrationEnded(t *testing.T, w *world) {
	require.NoError(t, w.registers("unused", 9))
	revoked, err := w.Unregister(w.ctx, "unused")
	require.NoError(t, err)
	require.False(t, revoked, "there is nothing that gateways have to know")
	require.False(t, w.isThere("unused"))
	require.NoError(t, w.registers("unused", 9), "nothing is left of it")

	require.NoError(t, w.registers("used", 9))
	require.NoError(t, w.allows("ann", "used", "theirs"))
	require.NoError(t, w.RedeemCode(w.ctx, "code of theirs", nil, w.Now().Add(accessLife)))
	revoked, err = w.Unregister(w.ctx, "used")
	require.NoError(t, err)
	require.True(t, revoked)
	require.True(t, w.revoked("jti", "theirs", "used"))
	grant, err := w.Grant(w.ctx, "theirs")
	require.NoError(t, err)
	require.True(t, grant.Ended())
	require.False(t, w.isThere("used"))
	pending, err := w.PendingRevocation(w.ctx, registry.KindClient, "used")
	require.NoError(t, err)
	require.Len(t, pending, 1)
	require.Equal(t, stored(w.Now().Add(accessLife)), pending[0].ExpiresAt.UTC(), "for as long as a token lives, and no longer")
	require.ErrorIs(t, second(w.Unregister(w.ctx, "used")), registry.ErrNotFound)
	require.ErrorIs(t, w.allows("ann", "used", "again"), registry.ErrNotFound)

	require.NoError(t, w.registers("asked", 9))
	require.NoError(t, w.allows("ann", "asked", "not redeemed"))
	revoked, err = w.Unregister(w.ctx, "asked")
	require.NoError(t, err)
	require.False(t, revoked, "it never had a token")
	require.ErrorIs(t, w.RedeemCode(w.ctx, "code of not redeemed", nil, w.Now().Add(accessLife)), registry.ErrGrantEnded)

	require.ErrorIs(t, second(w.Unregister(w.ctx, "app")), registry.ErrNotFound, "an operator's client is not its own")
	require.True(t, w.isThere("app"))
}

func registrationBarred(t *testing.T, w *world) {
	require.NoError(t, w.registers("self", 9))
	require.NoError(t, w.DisableClient(w.ctx, "self", w.Now().Add(time.Hour)))
	require.ErrorIs(t, third(w.Registration(w.ctx, "self")), registry.ErrNotFound)
	require.ErrorIs(t, w.UpdateRegistration(w.ctx, w.selfRegistered("self"), "{}"), registry.ErrNotFound)
	require.ErrorIs(t, w.allows("ann", "self", "theirs"), registry.ErrNotFound)
	require.ErrorIs(t, second(w.Unregister(w.ctx, "self")), registry.ErrNotFound)
	require.True(t, w.isThere("self"), "an operator sees that it is barred")
}

func purgedRegistrations(t *testing.T, w *world) {
	for _, id := range []string{"unused", "used", "deleted"} {
		require.NoError(t, w.registers(id, 9))
	}
	require.NoError(t, w.allows("ann", "used", "theirs"))
	require.NoError(t, w.DeleteClient(w.ctx, "deleted", w.Now().Add(time.Hour)))
	w.Advance(keptUnused + margin)
	w.purge()
	require.True(t, w.isThere("unused"))
	w.Advance(time.Microsecond)
	w.purge()
	require.False(t, w.isThere("unused"), "no user has allowed it anything")
	require.NoError(t, w.registers("deleted", 9), "nothing is left of it")
	require.True(t, w.isThere("used"), "it has a grant")
	require.True(t, w.isThere("app"), "an operator's client stays")

	require.NoError(t, w.EndGrant(w.ctx, "theirs", "user"))
	w.Advance(day + margin + time.Microsecond)
	w.purge()
	require.False(t, w.isThere("used"), "it has none any more")
}

// purgedAgainstRegistrations: nobody's yes is lost because the client had no grant a moment before.
func purgedAgainstRegistrations(t *testing.T, w *world) {
	for i := range 20 {
		id := fmt.Sprint("self ", i)
		require.NoError(t, w.registers(id, 100))
		w.Advance(keptUnused + margin + time.Second)
		first := make([]error, 4)
		for n, err := range registrytest.Race(4, func(n int) error {
			switch n {
			case 0:
				return second(w.Purge(w.ctx, margin, 100))
			case 1:
				return w.registers(id+" next", 1)
			default:
				first[n] = w.KeepRegisteredClient(w.ctx, id, "ann", w.Now().Add(keptUnused), 3)
				if first[n] != nil {
					return nil // it had gone before
				}
				return w.Authorize(w.ctx, registry.Grant{ID: fmt.Sprint(id, n), ClientID: id, Subject: "ann", Fingerprint: "a"},
					registry.Code{Hash: fmt.Sprint(id, n), ExpiresAt: w.Now().Add(codeLife)})
			}
		}) {
			if n == 1 && err != nil {
				require.ErrorIs(t, err, registry.ErrNoRoom)
				continue
			}
			require.NoError(t, err)
		}
		for _, err := range first {
			if err != nil {
				require.ErrorIs(t, err, registry.ErrNotFound)
			}
		}
		require.NoError(t, second(w.EndGrants(w.ctx, "ann", id, "user")))
	}
}
