package authz_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

func TestRevokingAnAccessTokenDeniesThatOne(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	b := w.refresh(a.str("refresh_token"))
	for _, hint := range []string{"", "access_token", "refresh_token", "nonsense"} {
		r := w.post("/oauth/revoke", form("token", a.str("access_token"), "token_type_hint", hint), basic("app", appSecret))
		require.Equal(t, http.StatusOK, r.StatusCode, r.text)
		require.Equal(t, "{}", r.text, "clients that parse every answer fail on an empty one, and never revoke the other token")
		require.Contains(t, r.Header.Get("Content-Type"), "application/json")
		require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
	}
	w.requireDenied(a.str("access_token"))
	require.NoError(t, w.denied(b.str("access_token")))
	require.Equal(t, http.StatusOK, w.refresh(b.str("refresh_token")).StatusCode)
}

func TestRevokingARefreshTokenEndsTheGrant(t *testing.T) {
	w := newWorld(t)
	for _, hint := range []string{"", "access_token", "refresh_token"} {
		for _, used := range []bool{false, true} {
			a := w.tokens()
			if used {
				w.refresh(a.str("refresh_token"))
			}
			r := w.post("/oauth/revoke", form("token", a.str("refresh_token"), "token_type_hint", hint), basic("app", appSecret))
			require.Equal(t, http.StatusOK, r.StatusCode, r.text)
			w.requireDenied(a.str("access_token"))
			w.requireError(w.refresh(a.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
		}
	}
}

func TestRevokingAsAPublicClient(t *testing.T) {
	w := newWorld(t)
	code := w.code("spa", "redirect_uri", callback+"/spa", "code_challenge", verifier)
	a := w.post("/oauth/token", redemption(code, "client_id", "spa", "redirect_uri", callback+"/spa", "code_verifier", verifier))
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	r := w.post("/oauth/revoke", form("client_id", "spa", "token", a.str("refresh_token")))
	require.Equal(t, http.StatusOK, r.StatusCode, r.text)
	w.requireDenied(a.str("access_token"))
}

func TestATokenThatExpiredHereIsRevokedForGatewaysWhoseClocksAreBehind(t *testing.T) {
	w := newWorld(t)
	for name, revoke := range map[string]func(token string) answer{
		"client": func(token string) answer {
			return w.post("/oauth/revoke", form("token", token), basic("app", appSecret))
		},
		"operator": func(token string) answer { return w.revokeAny(`{"access_token":"` + token + `"}`) },
	} {
		token := w.tokens("expires_in", "60").str("access_token")
		jti := w.claims(token).ID
		w.clock.Advance(110 * time.Second)
		r := revoke(token)
		require.Equal(t, http.StatusOK, r.StatusCode, "%s: %s", name, r.text)
		require.ErrorIs(t, w.check(t.Context(), jti), denylist.ErrRevoked, name)
	}
}

func TestWhatIsNoLiveTokenCountsAsRevoked(t *testing.T) {
	w := newWorld(t)
	a := w.tokens("expires_in", "60")
	token := a.str("access_token")
	w.clock.Advance(time.Hour)
	for _, gone := range []string{"garbage", "a.b.c", token, token + "=", strings.ToUpper(token), w.url} {
		r := w.post("/oauth/revoke", form("token", gone), basic("app", appSecret))
		require.Equal(t, http.StatusOK, r.StatusCode, r.text)
	}
	require.Empty(t, w.pending())
	require.Equal(t, http.StatusOK, w.refresh(a.str("refresh_token")).StatusCode)
}

func TestTokensOfAnotherClientAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	for _, token := range []string{a.str("access_token"), a.str("refresh_token")} {
		w.requireError(w.post("/oauth/revoke", form("token", token), basic("other", appSecret)), http.StatusBadRequest, "unauthorized_client")
		w.requireError(w.post("/oauth/revoke", form("token", token, "client_id", "spa")), http.StatusBadRequest, "unauthorized_client")
		w.requireError(w.post("/oauth/revoke", form("token", token), basic("app", "wrong")), http.StatusUnauthorized, "invalid_client")
		w.requireError(w.post("/oauth/revoke", form("token", token)), http.StatusUnauthorized, "invalid_client")
	}
	require.NoError(t, w.denied(a.str("access_token")))
	require.Equal(t, http.StatusOK, w.refresh(a.str("refresh_token")).StatusCode)
	w.requireError(w.post("/oauth/revoke", form(), basic("app", appSecret)), http.StatusBadRequest, "invalid_request")
	w.requireError(w.post("/oauth/revoke?token=x", nil, basic("app", appSecret)), http.StatusBadRequest, "invalid_request")
}

func TestARevocationThatDoesNotReachTheGatewaysIsKept(t *testing.T) {
	w := newWorld(t)
	for _, kind := range []string{"access_token", "refresh_token"} {
		a := w.tokens()
		w.redis.SetError("LOADING")
		for range 2 {
			r := w.post("/oauth/revoke", form("token", a.str(kind)), basic("app", appSecret))
			w.requireError(r, http.StatusServiceUnavailable, "temporarily_unavailable")
			require.NotEmpty(t, r.Header.Get("Retry-After"))
		}
		require.Error(t, second(w.relay.DeliverNext(t.Context())))
		require.Len(t, w.pending(), 1)
		w.redis.SetError("")
		require.NoError(t, w.denied(a.str("access_token")), "not delivered yet")

		require.NoError(t, second(w.relay.DeliverNext(t.Context())))
		require.Empty(t, w.pending())
		w.requireDenied(a.str("access_token"))
	}
}

func TestRevokingAgainDeliversWhatWasKept(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	w.redis.SetError("LOADING")
	revoke := func() int {
		return w.post("/oauth/revoke", form("token", a.str("refresh_token")), basic("app", appSecret)).StatusCode
	}
	require.Equal(t, http.StatusServiceUnavailable, revoke())
	w.redis.SetError("")
	require.Equal(t, http.StatusOK, revoke())
	w.requireDenied(a.str("access_token"))
}
