package registry_test

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

const requestLife = 10 * time.Minute

func (w *world) ask(id string) registry.AuthorizationRequest {
	w.t.Helper()
	a := registry.AuthorizationRequest{
		ID: id, BrowserHash: "browser", ClientID: "app",
		Parameters: map[string]string{"state": "a\"b<c>\n€", "redirect_uri": "https://app.example"},
		CreatedAt:  w.Now(), ExpiresAt: w.Now().Add(requestLife),
	}
	require.NoError(w.t, w.CreateAuthorizationRequest(w.ctx, a))
	a.CreatedAt, a.ExpiresAt = stored(a.CreatedAt), stored(a.ExpiresAt)
	return a
}

func (w *world) asked(id string) registry.AuthorizationRequest {
	w.t.Helper()
	a, err := w.AuthorizationRequest(w.ctx, id)
	require.NoError(w.t, err)
	return a
}

// decide lets a session decide for a request, with the grant and the code that are named for it.
func (w *world) decide(id, session, name string) error {
	return third(w.AuthorizeRequest(w.ctx, id, session,
		registry.Grant{ID: name, ClientID: "app", Subject: "ann"},
		registry.Code{Hash: "code-" + name, ExpiresAt: w.Now().Add(codeLife), Challenge: "challenge"}, manyGrants, nil))
}

func authorizationRequestRoundTrip(t *testing.T, w *world) {
	a := w.ask("r1")
	require.Equal(t, a, w.asked("r1"))
	require.ErrorIs(t, w.CreateAuthorizationRequest(w.ctx, a), registry.ErrExists)
	require.ErrorIs(t, second(w.AuthorizationRequest(w.ctx, "r2")), registry.ErrNotFound)

	require.NoError(t, w.BeginSession(w.ctx, w.session("s1", "ann"), "", "r1", 100))
	require.Equal(t, "s1", w.asked("r1").SessionHash)
	require.NoError(t, w.BeginSession(w.ctx, w.session("s2", "ann"), "", "r2", 100), "a request that is gone keeps nobody out")

	require.NoError(t, w.decide("r1", "s2", "g1"))
	a = w.asked("r1")
	require.True(t, a.Used())
	require.Equal(t, []string{"s2", "g1", stored(start).String()}, []string{a.SessionHash, a.GrantID, a.UsedAt.String()})
	require.NoError(t, w.RedeemCode(w.ctx, "code-g1", nil, w.Now().Add(accessLife)))

	require.NoError(t, w.BeginSession(w.ctx, w.session("s3", "ann"), "", "r1", 100))
	require.Equal(t, "s2", w.asked("r1").SessionHash, "who decided stays")
}

// authorizationRequestLeftOut: what the user has left out no other grant of the two keeps, redeemed or not.
func authorizationRequestLeftOut(t *testing.T, w *world) {
	require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: "other"}))
	for name, g := range map[string]registry.Grant{
		"both": {Scopes: []string{"a", "b"}}, "c": {Scopes: []string{"c"}}, "b": {Scopes: []string{"b"}}, "none": {},
		"bob's": {Subject: "bob", Scopes: []string{"b"}}, "other": {ClientID: "other", Scopes: []string{"b"}},
	} {
		g.ID, g.ClientID, g.Subject = name, cmp.Or(g.ClientID, "app"), cmp.Or(g.Subject, "ann")
		require.NoError(t, w.Authorize(w.ctx, g, registry.Code{Hash: name, ExpiresAt: w.Now().Add(codeLife)}))
		if name != "b" { // its application has not come yet
			require.NoError(t, w.RedeemCode(w.ctx, name, nil, w.Now().Add(accessLife)))
		}
	}
	w.ask("r1")
	replaced, leftOut, err := w.AuthorizeRequest(w.ctx, "r1", "s1", registry.Grant{ID: "new", ClientID: "app", Subject: "ann", Scopes: []string{"a"}},
		registry.Code{Hash: "new", ExpiresAt: w.Now().Add(codeLife)}, 2, []string{"b", "d"})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"both", "b"}, leftOut)
	require.Len(t, replaced, 1, "of those that are left, beyond the bound")
	require.Equal(t, "left_out", w.grant("both").EndReason)
	require.Contains(t, w.pending(), "grant both")
	require.False(t, w.grant("bob's").Ended())
	require.False(t, w.grant("other").Ended())
	require.ErrorIs(t, w.RedeemCode(w.ctx, "b", nil, w.Now().Add(accessLife)), registry.ErrGrantEnded)
	require.NoError(t, w.RedeemCode(w.ctx, "new", nil, w.Now().Add(accessLife)))

	w.ask("r2")
	_, _, err = w.AuthorizeRequest(w.ctx, "r2", "s1", registry.Grant{ID: "new", ClientID: "app", Subject: "ann"},
		registry.Code{Hash: "newer", ExpiresAt: w.Now().Add(codeLife)}, 2, []string{"a"})
	require.ErrorIs(t, err, registry.ErrExists)
	require.False(t, w.grant("new").Ended(), "none ends for one that was not made")
}

func authorizationRequestOnce(t *testing.T, w *world) {
	w.ask("r1")
	require.NoError(t, w.decide("r1", "s1", "g1"))
	require.ErrorIs(t, w.decide("r1", "s1", "g2"), registry.ErrRequestUsed)
	require.ErrorIs(t, second(w.Grant(w.ctx, "g2")), registry.ErrNotFound, "it left nothing behind")
	require.ErrorIs(t, w.RefuseRequest(w.ctx, "r1", "s1"), registry.ErrRequestUsed)
	require.Equal(t, "g1", w.asked("r1").GrantID)

	w.ask("r2")
	require.NoError(t, w.RefuseRequest(w.ctx, "r2", ""))
	require.ErrorIs(t, w.RefuseRequest(w.ctx, "r2", ""), registry.ErrRequestUsed)
	require.ErrorIs(t, w.decide("r2", "s1", "g2"), registry.ErrRequestUsed)

	w.ask("r3")
	w.Advance(requestLife)
	require.ErrorIs(t, w.decide("r3", "s1", "g2"), registry.ErrExpired)
	require.ErrorIs(t, w.RefuseRequest(w.ctx, "r3", "s1"), registry.ErrExpired)
	require.ErrorIs(t, w.decide("r4", "s1", "g2"), registry.ErrNotFound)
	require.ErrorIs(t, w.decide("r1", "s1", "g2"), registry.ErrRequestUsed, "also after its time")

	w.ask("r5")
	require.NoError(t, w.DisableClient(w.ctx, "app", w.Now().Add(accessLife)))
	require.ErrorIs(t, w.decide("r5", "s1", "g2"), registry.ErrNotFound)
	require.False(t, w.asked("r5").Used(), "there was no decision")
}

func authorizationRequestAtOnce(t *testing.T, w *world) {
	w.ask("r1")
	errs := registrytest.Race(30, func(i int) error {
		if i%3 == 0 {
			return w.RefuseRequest(w.ctx, "r1", "s1")
		}
		return w.decide("r1", "s1", fmt.Sprint("g", i))
	})
	require.Equal(t, 1, successes(errs, registry.ErrRequestUsed), "%v", errs)
	if decided := w.asked("r1").GrantID; decided != "" {
		require.Equal(t, 1, w.count("grants"))
		require.NoError(t, second(w.Grant(w.ctx, decided)))
	} else {
		require.Zero(t, w.count("grants"))
	}
}

// codeRenewed: a decision that was sent twice is answered with a code that is good.
func codeRenewed(t *testing.T, w *world) {
	w.ask("r1")
	require.NoError(t, w.decide("r1", "s1", "g1"))
	w.Advance(time.Second)
	until := w.Now().Add(codeLife)
	require.ErrorIs(t, w.RenewCode(w.ctx, "r1", "s2", "thief's", until), registry.ErrNotFound)
	require.ErrorIs(t, w.RenewCode(w.ctx, "r2", "s1", "x", until), registry.ErrNotFound)
	require.NoError(t, w.RenewCode(w.ctx, "r1", "s1", "next", until))
	require.ErrorIs(t, w.RedeemCode(w.ctx, "code-g1", nil, w.Now().Add(accessLife)), registry.ErrNotFound)
	code, grant, err := w.Code(w.ctx, "next")
	require.NoError(t, err)
	require.Equal(t, []string{"g1", "challenge", stored(until).String()}, []string{grant.ID, code.Challenge, code.ExpiresAt.String()})
	require.NoError(t, w.RedeemCode(w.ctx, "next", nil, w.Now().Add(accessLife)))
	require.ErrorIs(t, w.RenewCode(w.ctx, "r1", "s1", "another", until), registry.ErrNotFound, "the client has its token")
	require.ErrorIs(t, w.RedeemCode(w.ctx, "another", nil, w.Now().Add(accessLife)), registry.ErrNotFound)

	w.ask("r2")
	require.NoError(t, w.decide("r2", "s1", "g2"))
	require.NoError(t, w.EndGrant(w.ctx, "g2", "user"))
	require.ErrorIs(t, w.RenewCode(w.ctx, "r2", "s1", "x", until), registry.ErrNotFound)
	w.ask("r3")
	require.NoError(t, w.RefuseRequest(w.ctx, "r3", "s1"))
	require.ErrorIs(t, w.RenewCode(w.ctx, "r3", "s1", "x", until), registry.ErrNotFound)
}

// codeRenewedAgainstRedemption: whichever wins, at most one code is good, and the grant goes on.
func codeRenewedAgainstRedemption(t *testing.T, w *world) {
	for i := range 10 {
		id, grant := fmt.Sprint("r", i), fmt.Sprint("g", i)
		w.ask(id)
		require.NoError(t, w.decide(id, "s1", grant))
		later := w.Now().Add(accessLife)
		errs := registrytest.Race(2, func(j int) error {
			if j == 0 {
				return w.RenewCode(w.ctx, id, "s1", "next-"+grant, later)
			}
			return w.RedeemCode(w.ctx, "code-"+grant, nil, later)
		})
		if errs[0] == nil {
			require.ErrorIs(t, errs[1], registry.ErrNotFound)
			require.NoError(t, w.RedeemCode(w.ctx, "next-"+grant, nil, later))
		} else {
			require.ErrorIs(t, errs[0], registry.ErrNotFound)
			require.NoError(t, errs[1])
		}
		g, err := w.Grant(w.ctx, grant)
		require.NoError(t, err)
		require.False(t, g.Ended())
	}
}

func purgedSessions(t *testing.T, w *world) {
	w.ask("r1")
	w.signInAtHost("state")
	w.signIn("s1", "ann")
	w.Advance(requestLife + margin)
	require.Zero(t, w.purge())
	w.Advance(time.Microsecond)
	require.Equal(t, 2, w.purge())
	require.Zero(t, w.count("authorization_requests"))
	require.Zero(t, w.count("sign_ins"))
	w.Set(start.Add(sessionIdle + margin))
	require.Zero(t, w.purge())
	w.Advance(time.Microsecond)
	require.Equal(t, 1, w.purge())
	require.Zero(t, w.count("sessions"))
}
