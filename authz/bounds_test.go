package authz_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/user"
)

func TestTheOldestGrantEndsForOneTooMany(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.MaxGrants = 3 })
	var all []answer
	for range 4 {
		all = append(all, w.tokens())
		w.clock.Advance(time.Second)
	}
	stranger := w.subjectToken(1)
	require.Len(t, w.pending(), 1, "it is recorded with the grant that replaces it")
	require.NoError(t, second(w.relay.DeliverNext(t.Context())))
	w.requireDenied(all[0].str("access_token"))
	w.requireError(w.refresh(all[0].str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	require.NoError(t, w.denied(stranger))
	for _, one := range all[1:] {
		require.NoError(t, w.denied(one.str("access_token")))
		require.Equal(t, http.StatusOK, w.refresh(one.str("refresh_token")).StatusCode)
	}
	w.log.Await(t, "grants ended: replaced")
}

func TestRefreshingAndRevokingWithoutEndEndsTheGrant(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.MaxRevokedTokens = 3 })
	a := w.tokens()
	revoke := func() {
		r := w.post("/oauth/revoke", form("token", a.str("access_token")), basic("app", appSecret))
		require.Equal(t, http.StatusOK, r.StatusCode, r.text)
		w.requireDenied(a.str("access_token"))
	}
	var first answer
	for i := range 4 {
		if i > 0 {
			a = w.refresh(a.str("refresh_token"))
			require.Equal(t, http.StatusOK, a.StatusCode, a.text)
		}
		if i == 1 {
			first = a
		}
		revoke()
	}
	w.log.Await(t, "too many of its access tokens were revoked")
	w.requireError(w.refresh(a.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	revoke() // again
	a = first
	revoke()
}

// TestOnlyWhatIsRecordedIs503: whoever revokes something and is told 503 need not come back.
func TestOnlyWhatIsRecordedIs503(t *testing.T) {
	hub := newWorld(t, func(c *authz.Config) {
		c.Users = []user.Authenticator{user.NewLNDHub("http://127.0.0.1:1", []byte(jwtSecret), nil)}
	})
	unreachable := hub.do(http.MethodDelete, hub.url+"/clients/app", "", nil, basic("login", "password"))
	hub.requireError(unreachable, http.StatusInternalServerError, "server_error")

	w := newWorld(t)
	a := w.tokens()
	require.NoError(t, w.registry.Close())
	for name, r := range map[string]answer{
		"access token":  w.post("/oauth/revoke", form("token", a.str("access_token")), basic("app", appSecret)),
		"refresh token": w.post("/oauth/revoke", form("token", a.str("refresh_token")), basic("app", appSecret)),
		"disconnect":    w.do(http.MethodDelete, w.url+"/clients/app", "", nil, w.as(12345)),
		"operator":      w.revokeAny(`{"client":"app"}`),
		"deletion":      w.do(http.MethodDelete, w.admin+"/admin/clients/app", "", nil),
	} {
		require.Equal(t, http.StatusInternalServerError, r.StatusCode, "%s: %s", name, r.text)
		require.Equal(t, "server_error", r.str("error"), name)
		require.Contains(t, r.str("error_description"), "Send it again", name)
	}
}

// TestAFullRedisKeepsRevocations: what Redis has no room for is recorded, said and tried again.
func TestAFullRedisKeepsRevocations(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	w.redis.SetError("OOM command not allowed when used memory > 'maxmemory'.")
	r := w.post("/oauth/revoke", form("token", a.str("refresh_token")), basic("app", appSecret))
	w.requireError(r, http.StatusServiceUnavailable, "temporarily_unavailable")
	w.requireError(w.refresh(a.str("refresh_token")), http.StatusServiceUnavailable, "temporarily_unavailable")
	require.Error(t, second(w.relay.DeliverNext(t.Context())))
	w.redis.SetError("")
	require.NoError(t, second(w.relay.DeliverNext(t.Context())))
	w.requireDenied(a.str("access_token"))
}

func TestDisconnectingManyAtOnceIsOneCall(t *testing.T) {
	w := newWorld(t)
	var all []answer
	for range 60 { // more than the default bound
		all = append(all, w.tokens())
		w.clock.Advance(time.Second)
	}
	require.Len(t, w.pending(), 10, "the default bound is 50")
	r := w.do(http.MethodDelete, w.url+"/clients/app", "", nil, w.as(12345))
	require.Equal(t, http.StatusNoContent, r.StatusCode, r.text)
	for i, one := range all {
		require.Error(t, w.denied(one.str("access_token")), fmt.Sprint(i))
	}
	require.Empty(t, w.pending())
}
