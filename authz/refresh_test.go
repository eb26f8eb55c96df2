package authz_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/registry/registrytest"
)

func TestARefreshTokenIsGoodForOneSuccessor(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	b := w.refresh(a.str("refresh_token"))
	require.Equal(t, http.StatusOK, b.StatusCode, b.text)

	w.clock.Advance(9 * time.Second)
	again := w.refresh(a.str("refresh_token"))
	require.Equal(t, http.StatusOK, again.StatusCode, "within the grace period: "+again.text)
	require.Equal(t, b.str("refresh_token"), again.str("refresh_token"))
	require.Equal(t, b.str("access_token"), again.str("access_token"), "nobody gets many tokens for one")

	w.clock.Advance(time.Second)
	w.requireError(w.refresh(a.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	for _, minted := range []answer{a, b, again} {
		w.requireDenied(minted.str("access_token"))
	}
	w.requireError(w.refresh(b.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func TestGraceEndsWhenTheSuccessorIsUsed(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	b := w.refresh(a.str("refresh_token"))
	c := w.refresh(b.str("refresh_token"))
	require.Equal(t, http.StatusOK, c.StatusCode, c.text)
	w.requireError(w.refresh(a.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	w.requireDenied(c.str("access_token"))
	w.requireError(w.refresh(c.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func TestManyRefreshesAtOnceGetTheSameSuccessor(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	successors, access := map[string]bool{}, map[string]bool{}
	for _, b := range registrytest.Race(50, func(int) answer { return w.refresh(a.str("refresh_token")) }) {
		require.Equal(t, http.StatusOK, b.StatusCode, b.text)
		successors[b.str("refresh_token")] = true
		access[b.str("access_token")] = true
	}
	require.Len(t, successors, 1)
	require.Len(t, access, 1, "all get the same access token")
	for token := range access {
		require.NoError(t, w.denied(token))
	}
	for successor := range successors {
		require.Equal(t, http.StatusOK, w.refresh(successor).StatusCode)
	}
}

func TestARefreshTokenOfAnotherClientChangesNothing(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	stolen := refreshing(a.str("refresh_token"))
	for range 2 {
		w.requireError(w.post("/oauth/token", stolen, basic("other", appSecret)), http.StatusBadRequest, "invalid_grant")
		w.requireError(w.post("/oauth/token", stolen, basic("spa", "")), http.StatusBadRequest, "invalid_grant")
	}
	b := w.refresh(a.str("refresh_token"))
	require.Equal(t, http.StatusOK, b.StatusCode, b.text)

	w.clock.Advance(time.Minute)
	w.requireError(w.post("/oauth/token", stolen, basic("other", appSecret)), http.StatusBadRequest, "invalid_grant")
	require.NoError(t, w.denied(b.str("access_token")), "also when it would have been a second use")
}

func TestARefreshTokenExpiresAndRotationRenewsIt(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	w.clock.Advance(720*time.Hour - time.Second)
	b := w.refresh(a.str("refresh_token"))
	require.Equal(t, http.StatusOK, b.StatusCode, b.text)
	w.clock.Advance(720 * time.Hour)
	w.requireError(w.refresh(b.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func TestScopesCanBeNarrowedForOneAccessToken(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	b := w.refresh(a.str("refresh_token"), "scope", "balance:read")
	require.Equal(t, http.StatusOK, b.StatusCode, b.text)
	require.Equal(t, "balance:read", b.str("scope"))
	require.Equal(t, []string{"balance:read"}, w.claims(b.str("access_token")).Scopes)

	w.requireError(w.refresh(b.str("refresh_token"), "scope", "balance:read payments:send"), http.StatusBadRequest, "invalid_scope")
	c := w.refresh(b.str("refresh_token"))
	require.Equal(t, "balance:read invoices:create", c.str("scope"), "the grant keeps its scopes, and the refusal spent nothing")
}

func TestAReusedRefreshTokenIsReportedOnlyWhenTheGatewaysKnow(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	b := w.refresh(a.str("refresh_token"))
	w.clock.Advance(time.Minute)

	w.redis.SetError("LOADING")
	w.requireError(w.refresh(a.str("refresh_token")), http.StatusServiceUnavailable, "temporarily_unavailable")
	w.redis.SetError("")
	require.NoError(t, w.denied(b.str("access_token")))
	w.requireError(w.refresh(a.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	w.requireDenied(b.str("access_token"))
}

// TestALostAnswerCanBeHadAgainTomorrow: with the same access token while that is fresh, and a new one after that.
func TestALostAnswerCanBeHadAgainTomorrow(t *testing.T) {
	var replayed int
	w := newWorld(t, func(c *authz.Config) {
		c.RefreshGrace = 24 * time.Hour
		c.OnIssued = func(_ context.Context, issued authz.Issued) {
			if issued.Replayed {
				replayed++
			}
		}
	})
	a := w.tokens()
	b := w.refresh(a.str("refresh_token"))
	require.Equal(t, http.StatusOK, b.StatusCode, b.text)
	require.Zero(t, replayed)

	w.clock.Advance(time.Hour)
	again := w.refresh(a.str("refresh_token"))
	require.Equal(t, http.StatusOK, again.StatusCode, again.text)
	require.Equal(t, b.str("access_token"), again.str("access_token"))
	require.Equal(t, b.str("scope"), again.str("scope"))
	require.InDelta(t, 3600, again.json["expires_in"], 1)
	require.Equal(t, 1, replayed)
	require.Contains(t, w.log.String(), `"msg":"refresh token used again within its grace","grant_id":"`+w.claims(b.str("access_token")).GrantID+
		`","client_id":"app","times":1,"late":true`)
	narrowed := w.refresh(a.str("refresh_token"), "scope", "balance:read")
	require.Equal(t, "balance:read", narrowed.str("scope"))
	require.Equal(t, []string{"balance:read"}, w.claims(narrowed.str("access_token")).Scopes)

	w.clock.Advance(22 * time.Hour)
	late := w.refresh(a.str("refresh_token"))
	require.Equal(t, http.StatusOK, late.StatusCode, late.text)
	require.Equal(t, b.str("refresh_token"), late.str("refresh_token"))
	require.NotEqual(t, b.str("access_token"), late.str("access_token"), "that one has expired")
	require.NoError(t, w.denied(late.str("access_token")))

	require.Equal(t, http.StatusOK, w.refresh(b.str("refresh_token")).StatusCode)
	w.requireError(w.refresh(a.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	w.requireDenied(late.str("access_token"))
	for _, token := range []answer{a, b, late} {
		require.NotContains(t, w.log.String(), token.str("refresh_token"))
		require.NotContains(t, w.log.String(), token.str("access_token"))
	}
}

// TestAThiefInStepWithHisVictimIsFound: he uses each refresh token an hour after the victim has.
func TestAThiefInStepWithHisVictimIsFound(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.RefreshGrace = 24 * time.Hour })
	token := w.tokens().str("refresh_token")
	for range 2 {
		victim := w.refresh(token)
		require.Equal(t, http.StatusOK, victim.StatusCode, victim.text)
		w.clock.Advance(time.Hour)
		thief := w.refresh(token)
		if thief.StatusCode != http.StatusOK {
			w.requireError(thief, http.StatusBadRequest, "invalid_grant")
			w.requireDenied(victim.str("access_token"))
			require.Contains(t, w.log.String(), "grant ended: used twice")
			return
		}
		require.Equal(t, victim.str("access_token"), thief.str("access_token"), "he has nothing that the victim has not")
		token = victim.str("refresh_token")
		w.clock.Advance(time.Hour)
	}
	t.Fatal("the thief keeps a working chain")
}

func TestReplaysAreBounded(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	access := map[string]bool{}
	for range 51 {
		b := w.refresh(a.str("refresh_token"))
		require.Equal(t, http.StatusOK, b.StatusCode, b.text)
		access[b.str("access_token")] = true
	}
	require.Len(t, access, 1)
	w.requireError(w.refresh(a.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	for token := range access {
		w.requireDenied(token)
	}
}
