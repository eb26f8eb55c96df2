package authz_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (w *world) introspect(token string, as option) answer {
	w.Helper()
	a := w.post("/oauth/introspect", form("token", token), as)
	require.Equal(w, http.StatusOK, a.StatusCode, a.text)
	require.Equal(w, "no-store", a.Header.Get("Cache-Control"))
	return a
}

const inactive = `{"active":false}`

func TestIntrospectionOfAnAccessToken(t *testing.T) {
	w := newWorld(t)
	token := w.tokens().str("access_token")
	claims := decodePart(t, token, 1)
	for _, as := range []option{basic("app", appSecret), basic("service", appSecret)} { // a resource server is a client too
		claims["active"], claims["token_type"] = true, "Bearer"
		require.Equal(t, claims, w.introspect(token, as).json)
	}
	require.Equal(t, inactive, w.introspect(token+"=", basic("app", appSecret)).text, "another spelling")
	w.clock.Advance(2 * time.Hour)
	require.Equal(t, inactive, w.introspect(token, basic("app", appSecret)).text, "expired")
}

func TestIntrospectionOfARefreshToken(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	refresh := a.str("refresh_token")
	now := w.clock.Now().Unix()
	got := w.introspect(refresh, basic("app", appSecret)).json
	require.NotEmpty(t, got["grant_id"])
	delete(got, "grant_id")
	require.Equal(t, map[string]any{
		"active": true, "client_id": "app", "sub": subject, "iss": w.url, "scope": "balance:read invoices:create",
		"iat": float64(now), "exp": float64(now + 720*3600),
	}, got)
	require.Equal(t, inactive, w.introspect(refresh, basic("other", appSecret)).text, "nobody else may take it for a token")

	next := w.refresh(refresh).str("refresh_token")
	require.Equal(t, inactive, w.introspect(refresh, basic("app", appSecret)).text, "used")
	w.clock.Advance(720 * time.Hour)
	require.Equal(t, inactive, w.introspect(next, basic("app", appSecret)).text, "expired")
}

func TestIntrospectionKnowsOfARevocationBeforeTheGatewaysDo(t *testing.T) {
	w := newWorld(t)
	app := basic("app", appSecret)
	for _, kind := range []string{"access_token", "refresh_token"} {
		a := w.tokens()
		w.redis.SetError("LOADING")
		w.post("/oauth/revoke", form("token", a.str(kind)), app)
		require.Equal(t, inactive, w.introspect(a.str("access_token"), app).text)
		w.requireError(w.get("/oauth/token/introspect", header("Authorization", "Bearer "+a.str("access_token"))), 401, "invalid_token")
		w.redis.SetError("")
	}
	a := w.tokens()
	require.NoError(t, w.registry.DeleteClient(t.Context(), "app", w.clock.Now().Add(time.Hour)))
	require.Equal(t, inactive, w.introspect(a.str("access_token"), basic("other", appSecret)).text)
}

func TestIntrospectionIsForConfidentialClients(t *testing.T) {
	w := newWorld(t)
	token := w.tokens().str("access_token")
	w.requireError(w.post("/oauth/introspect", form("token", token, "client_id", "spa")), http.StatusBadRequest, "unauthorized_client")
	w.requireError(w.post("/oauth/introspect", form("token", token)), http.StatusUnauthorized, "invalid_client")
	w.requireError(w.post("/oauth/introspect", form("token", token), basic("app", "wrong")), http.StatusUnauthorized, "invalid_client")
	w.requireError(w.post("/oauth/introspect", form(), basic("app", appSecret)), http.StatusBadRequest, "invalid_request")
}

func TestTheBearerAsksAboutItsOwnToken(t *testing.T) {
	w := newWorld(t)
	token := w.tokens().str("access_token")
	for _, value := range []string{"Bearer " + token, "bearer " + token, token} {
		a := w.get("/oauth/token/introspect", header("Authorization", value))
		require.Equal(t, http.StatusOK, a.StatusCode, a.text)
		require.JSONEq(t, `{"client_id":"app","redirect_uri":"`+callback+`","scopes":{
			"balance:read":"Read your balance.","invoices:create":"Create invoices on your behalf."}}`, a.text)
	}
	service := w.post("/oauth/token", form("grant_type", "client_credentials", "scope", "balance:read"), basic("service", appSecret))
	a := w.get("/oauth/token/introspect", header("Authorization", "Bearer "+service.str("access_token")))
	require.JSONEq(t, `{"client_id":"service","redirect_uri":"","scopes":{"balance:read":"Read your balance."}}`, a.text)

	for _, options := range [][]option{
		nil,
		{header("Authorization", "")},
		{header("Authorization", "Bearer")},
		{header("Authorization", "Bearer x")},
		{header("Authorization", "Bearer "+token+"=")},
		{header("Authorization", "Basic "+token)},
	} {
		a := w.get("/oauth/token/introspect", options...)
		w.requireError(a, http.StatusUnauthorized, "invalid_token")
		require.Contains(t, a.Header.Get("WWW-Authenticate"), `Bearer realm="gatehouse", error="invalid_token"`)
	}
	two := header("Authorization", "Bearer "+token)
	w.requireError(w.get("/oauth/token/introspect", two, two), http.StatusBadRequest, "invalid_request")
}
