package authz_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/admin"
	"gatehouse/registry"
)

// adminPost sends JSON to another admin endpoint than that of clients.
func (w *world) adminPost(path, body string, options ...option) answer {
	w.Helper()
	return w.do(http.MethodPost, w.admin+path, "application/json", strings.NewReader(body), options...)
}

func (w *world) revokeAny(body string) answer {
	w.Helper()
	return w.adminPost("/admin/revocations", body)
}

func TestAnOperatorRevokesOneToken(t *testing.T) {
	w := newWorld(t)
	for _, field := range []string{"token", "access_token"} {
		a := w.tokens()
		token := a.str("access_token")
		other := w.refresh(a.str("refresh_token")).str("access_token")
		claims := w.claims(token)
		named := map[string]string{"token": claims.ID, "access_token": token}[field]
		for range 2 {
			r := w.revokeAny(`{"` + field + `":"` + named + `"}`)
			require.Equal(t, http.StatusOK, r.StatusCode, r.text)
			require.JSONEq(t, `{"token":"`+claims.ID+`","unconfirmed_gateways":0}`, r.text)
		}
		w.requireDenied(token)
		require.NoError(t, w.denied(other), "its grant goes on")
	}
}

func TestATokenOfUnknownAgeIsDeniedAsLongAsTheLongestLives(t *testing.T) {
	w := newWorld(t)
	a := w.tokens("expires_in", "31536000")
	token := a.str("access_token")
	jti := w.claims(token).ID
	require.Equal(t, http.StatusOK, w.revokeAny(`{"token":"`+jti+`"}`).StatusCode)
	_, err := w.operator().Revoke(t.Context(), admin.Target{TokenID: jti + "2"})
	require.NoError(t, err)
	revocations, err := w.registry.LiveRevocations(t.Context(), registry.Revocation{}, 10)
	require.NoError(t, err)
	require.Len(t, revocations, 2)
	for _, revocation := range revocations {
		require.False(t, revocation.ExpiresAt.Before(w.claims(token).ExpiresAt), revocation.ID)
	}
}

func TestATokenFromBeforeTheMaximumWasLoweredStaysDenied(t *testing.T) {
	w := newWorld(t)
	token := w.tokens("expires_in", "31536000").str("access_token")
	w.config.MaxAccessLifespan = 2 * time.Hour
	lowered, err := authz.New(w.config)
	require.NoError(t, err)
	admin := httptest.NewServer(lowered.Admin())
	defer admin.Close()
	w.admin = admin.URL
	require.Equal(t, http.StatusOK, w.revokeAny(`{"token":"`+w.claims(token).ID+`"}`).StatusCode)
	w.requireDenied(token)
	w.clock.Advance(24 * time.Hour)
	w.redis.FastForward(24 * time.Hour)
	w.requireDenied(token)
}

func TestAnOperatorEndsAGrant(t *testing.T) {
	w := newWorld(t)
	a, kept := w.tokens(), w.tokens()
	grant := w.claims(a.str("access_token")).GrantID
	for range 2 {
		r := w.revokeAny(`{"grant":"` + grant + `"}`)
		require.Equal(t, http.StatusOK, r.StatusCode, r.text)
		require.JSONEq(t, `{"grant":"`+grant+`","unconfirmed_gateways":0}`, r.text)
	}
	w.requireDenied(a.str("access_token"))
	w.requireError(w.refresh(a.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	require.NoError(t, w.denied(kept.str("access_token")))
}

func TestARevokedClientGetsNothingAnyMore(t *testing.T) {
	w := newWorld(t)
	w.change("app", func(c *registry.Client) {
		c.GrantTypes = []string{"authorization_code", "refresh_token", "client_credentials"}
	})
	own := func() answer {
		return w.post("/oauth/token", form("grant_type", "client_credentials", "scope", "balance:read"), basic("app", appSecret))
	}
	a, waiting, service := w.tokens(), w.code("app"), own()
	for range 2 {
		r := w.revokeAny(`{"client":"app"}`)
		require.Equal(t, http.StatusOK, r.StatusCode, r.text)
		require.JSONEq(t, `{"client":"app","unconfirmed_gateways":0}`, r.text)
	}
	w.requireDenied(a.str("access_token"))
	w.requireDenied(service.str("access_token"))
	w.requireError(own(), http.StatusUnauthorized, "invalid_client")
	w.requireError(w.redeem(waiting), http.StatusUnauthorized, "invalid_client")
	w.requireError(w.refresh(a.str("refresh_token")), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, http.StatusBadRequest, w.post("/oauth/authorize", authorization("app")).StatusCode)
	require.Equal(t, http.StatusBadRequest, w.get("/oauth/authorize?"+authorization("app").Encode()).StatusCode)

	shown := w.adminDo("GET", "/app", "")
	require.Equal(t, true, shown.json["disabled"], shown.text)
	require.NotContains(t, w.adminDo("GET", "/other", "").json, "disabled")
}

func TestARevokedPublicClientGetsNothingAnyMore(t *testing.T) {
	w := newWorld(t)
	code := w.code("spa", "redirect_uri", callback+"/spa", "code_challenge", verifier)
	require.Equal(t, http.StatusOK, w.revokeAny(`{"client":"spa"}`).StatusCode)
	a := w.post("/oauth/token", redemption(code, "client_id", "spa", "redirect_uri", callback+"/spa", "code_verifier", verifier))
	w.requireError(a, http.StatusUnauthorized, "invalid_client")
}

func TestEveryGrantOfAUserEnds(t *testing.T) {
	w := newWorld(t)
	code := w.code("other")
	a := w.tokens()
	b := w.post("/oauth/token", redemption(code), basic("other", appSecret))
	require.Equal(t, http.StatusOK, b.StatusCode, b.text)
	user := w.userJWT(map[string]any{"id": 777, "exp": w.clock.Now().Add(time.Hour).Unix()})
	r := w.post("/oauth/authorize", authorization("app", "login", "", "password", ""), header("Authorization", "Bearer "+user))
	require.Equal(t, http.StatusFound, r.StatusCode, r.text)
	location, err := r.Location()
	require.NoError(t, err)
	kept := w.redeem(location.Query().Get("code"))
	require.Equal(t, http.StatusOK, kept.StatusCode, kept.text)

	require.JSONEq(t, `{"user":"`+subject+`","grants":2,"unconfirmed_gateways":0}`, w.revokeAny(`{"user":"`+subject+`"}`).text)
	require.JSONEq(t, `{"user":"`+subject+`","grants":0,"unconfirmed_gateways":0}`, w.revokeAny(`{"user":"`+subject+`"}`).text)
	require.JSONEq(t, `{"user":"nobody","grants":0,"unconfirmed_gateways":0}`, w.revokeAny(`{"user":"nobody"}`).text)
	for _, token := range []string{a.str("access_token"), b.str("access_token")} {
		w.requireDenied(token)
	}
	require.NoError(t, w.denied(kept.str("access_token")))
	require.NoError(t, w.denied(w.tokens().str("access_token")), "the user can start anew")
}

func TestAnOperatorsRevocationIsReportedOnlyWhenTheGatewaysKnow(t *testing.T) {
	for _, kind := range []string{"token", "grant", "client", "user"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			token := w.tokens().str("access_token")
			claims := w.claims(token)
			body := `{"` + kind + `":"` + map[string]string{
				"token": claims.ID, "grant": claims.GrantID, "client": "app", "user": subject,
			}[kind] + `"}`
			w.redis.SetError("LOADING")
			for range 2 {
				r := w.revokeAny(body)
				w.requireError(r, http.StatusServiceUnavailable, "temporarily_unavailable")
				require.NotEmpty(t, r.Header.Get("Retry-After"))
			}
			require.Len(t, w.pending(), 1, "it is recorded")
			w.redis.SetError("")
			require.Equal(t, http.StatusOK, w.revokeAny(body).StatusCode)
			w.requireDenied(token)
		})
	}
}

func TestRevocationsThatCannotBe(t *testing.T) {
	w := newWorld(t)
	old := w.tokens("expires_in", "60").str("access_token")
	w.clock.Advance(time.Hour)
	live := w.tokens().str("access_token")
	for name, body := range map[string]string{
		"nothing":           ``,
		"no target":         `{}`,
		"an empty target":   `{"token":""}`,
		"two targets":       `{"token":"x","grant":"y"}`,
		"two, one a token":  `{"access_token":"` + live + `","user":"` + subject + `"}`,
		"an unknown target": `{"everything":"yes"}`,
		"no text":           `{"token":"\u0000"}`,
		"a token as jti":    `{"access_token":"x"}`,
		"an expired token":  `{"access_token":"` + old + `"}`,
		"an altered token":  `{"access_token":"` + live[:len(live)-4] + `AAAA"}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			w.requireError(w.revokeAny(body), http.StatusBadRequest, "invalid_request")
		})
	}
	for _, body := range []string{`{"grant":"none"}`, `{"client":"none"}`} {
		w.requireError(w.revokeAny(body), http.StatusNotFound, "not_found")
	}
	require.NoError(t, w.denied(live))
}

// pending are the revocations that no gateway can know of.
func (w *world) pending() []registry.Revocation {
	w.Helper()
	pending, err := w.registry.PendingRevocations(w.Context(), 1000)
	require.NoError(w, err)
	return pending
}

func TestAnOperatorEndsTheSessionsOfAUser(t *testing.T) {
	w := newWorld(t)
	first, second := w.signedIn(), w.signedIn()
	first.open(request("app"))
	tokens := w.redeem(first.sent(first.press("allow")).Get("code"))
	a := w.revokeAny(`{"sessions_of":"` + subject + `"}`)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	require.JSONEq(t, `{"sessions_of":"`+subject+`","sessions":2,"unconfirmed_gateways":0}`, a.text)
	for _, b := range []*browser{first, second} {
		require.Contains(t, b.open("/account").text, `id="sign-in"`)
	}
	require.NoError(t, w.denied(tokens.str("access_token")), "what was allowed goes on")
	require.JSONEq(t, `{"sessions_of":"`+subject+`","sessions":0,"unconfirmed_gateways":0}`, w.revokeAny(`{"sessions_of":"`+subject+`"}`).text)

	first.signIn("login", "password")
	a = w.revokeAny(`{"user":"` + subject + `"}`)
	require.JSONEq(t, `{"user":"`+subject+`","grants":1,"sessions":1,"unconfirmed_gateways":0}`, a.text)
	w.requireDenied(tokens.str("access_token"))
	require.Contains(t, first.open("/account").text, `id="sign-in"`, "else whoever has the session would allow everything again")
	w.requireError(w.revokeAny(`{"user":"1","sessions_of":"1"}`), http.StatusBadRequest, "invalid_request")
	require.Contains(t, w.log.String(), `"msg":"sessions ended"`)
}
