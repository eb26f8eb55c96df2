package authz_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

func (w *world) as(id int) option {
	return header("Authorization", "Bearer "+w.userJWT(map[string]any{"id": id, "exp": w.clock.Now().Add(time.Hour).Unix()}))
}

func TestConnectedApplications(t *testing.T) {
	w := newWorld(t)
	user := w.as(12345)
	require.JSONEq(t, `[]`, w.get("/clients", user).text)

	w.code("other") // never redeemed
	w.tokens("scope", "balance:read")
	w.clock.Advance(time.Minute)
	w.tokens("scope", "payments:send", "redirect_uri", callback) // the same application again
	a := w.get("/clients", user)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	require.JSONEq(t, `[{"id":"app","name":"An App","imageUrl":"https://app.example/i.png","url":"https://app.example",
		"domain":"localhost:8080","scopes":{"balance:read":"Read your balance.","payments:send":"Send payments from your account."},
		"since":"2030-01-02T03:04:05Z","lastUsedOn":"2030-01-02"}]`, a.text)
	require.JSONEq(t, `[]`, w.get("/clients", w.as(1)).text, "those of nobody else")

	basicUser := option(func(r *http.Request) { r.SetBasicAuth("login", "password") })
	require.Equal(t, a.text, w.get("/clients", basicUser).text)
	w.requireError(w.get("/clients"), http.StatusUnauthorized, "access_denied")
	w.requireError(w.get("/clients?login=login&password=password"), http.StatusUnauthorized, "access_denied")
}

// One user could otherwise make the server hold all of a very long list for each question.
func TestManyGrantsOfOneApplicationCostNoMemory(t *testing.T) {
	w := newWorld(t)
	w.tokens("scope", "balance:read")
	for i := range 300 {
		id := fmt.Sprint("g", i)
		scopes := []string{"balance:read", "payments:send", "invoices:create"}[i%3:]
		_, err := w.registry.Authorize(t.Context(),
			registry.Grant{ID: id, ClientID: "app", Subject: subject, Scopes: scopes, RedirectURI: callback},
			registry.Code{Hash: id, ExpiresAt: w.clock.Now().Add(time.Minute)}, 1000)
		require.NoError(t, err)
		require.NoError(t, w.registry.RedeemCode(t.Context(), id, nil, w.clock.Now().Add(time.Hour)))
	}
	user := w.as(12345)
	w.get("/clients", user)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a := w.get("/clients", user)
	runtime.ReadMemStats(&after)
	require.Contains(t, a.text, "invoices:create")
	require.Equal(t, 1, strings.Count(a.text, `"id"`), a.text)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "bytes, with 10 kB a grant three times as many")
}

func TestDisconnectingEndsEveryGrantOfThatUserAndClient(t *testing.T) {
	w := newWorld(t)
	first, second := w.tokens(), w.tokens()
	unredeemed := w.code("app")
	stranger := w.subjectToken(1)
	other := w.post("/oauth/token", redemption(w.code("other")), basic("other", appSecret))

	w.requireError(w.do(http.MethodDelete, w.url+"/clients/app", "", nil), http.StatusUnauthorized, "access_denied")
	w.requireError(w.do(http.MethodDelete, w.url+"/clients/app", "", nil, w.as(2)), http.StatusNotFound, "not_found")
	require.NoError(t, w.denied(first.str("access_token")))

	a := w.do(http.MethodDelete, w.url+"/clients/app", "", nil, w.as(12345))
	require.Equal(t, http.StatusNoContent, a.StatusCode, a.text)
	for _, gone := range []answer{first, second} {
		w.requireDenied(gone.str("access_token"))
		w.requireError(w.refresh(gone.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	}
	w.requireError(w.redeem(unredeemed), http.StatusBadRequest, "invalid_grant")
	require.NoError(t, w.denied(other.str("access_token")))
	require.NoError(t, w.denied(stranger))
	require.NotContains(t, w.get("/clients", w.as(12345)).text, `"app"`)
	w.requireError(w.do(http.MethodDelete, w.url+"/clients/app", "", nil, w.as(12345)), http.StatusNotFound, "not_found")
	w.requireError(w.do(http.MethodDelete, w.url+"/clients/%00", "", nil, w.as(12345)), http.StatusNotFound, "not_found")

	require.Equal(t, http.StatusOK, w.tokens().StatusCode, "the user may connect again")
}

func TestDisconnectingIsReportedOnlyWhenTheGatewaysKnow(t *testing.T) {
	w := newWorld(t)
	token := w.tokens().str("access_token")
	w.redis.SetError("LOADING")
	for range 2 {
		a := w.do(http.MethodDelete, w.url+"/clients/app", "", nil, w.as(12345))
		w.requireError(a, http.StatusServiceUnavailable, "temporarily_unavailable")
	}
	w.redis.SetError("")
	require.NoError(t, second(w.relay.DeliverNext(t.Context())))
	w.requireDenied(token)
}

// subjectToken is an access token of app for another user.
func (w *world) subjectToken(id int) string {
	w.Helper()
	a := w.allow(w.as(id))
	location, err := a.Location()
	require.NoError(w, err)
	return w.redeem(location.Query().Get("code")).str("access_token")
}
