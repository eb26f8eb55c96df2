package authz_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
	require.NotEqual(t, b.str("access_token"), again.str("access_token"))

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
	require.Len(t, access, 50)
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
