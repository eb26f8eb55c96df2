package app_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/cmd/mock_server/lndhub"
	"gatehouse/gateway"
)

// A suspended user is told so by their application, costs the operator no error, and loses the grant when it is refreshed.
func TestASuspendedUserIsNoOutage(t *testing.T) {
	hub := lndhub.New(lndhub.Config{JWTSecret: []byte(hostSecret), RateLimit: -1, StrictRateLimit: -1})
	_, ok := hub.AddUser(lndhub.User{ID: 1, Login: "ann", Password: "right"})
	require.True(t, ok)
	server := httptest.NewServer(hub)
	defer server.Close()
	cfg := testConfig(server.URL)
	cfg.LNDHubURL = server.URL
	cfg.Routes = []gateway.Route{{
		Path: "/balance", Methods: []string{"GET"}, Origin: server.URL + "/v2", Scope: "balance:read", Description: "Read.", Credential: "lndhub",
	}}
	r, book := startLogged(t, cfg)
	a := r.register()
	signedIn := r.signIn(a, "ann", "right", "")
	location, err := url.Parse(signedIn.header.Get("Location"))
	require.NoError(t, err, signedIn.body)
	given := r.exchange(a, url.Values{
		"grant_type": {"authorization_code"}, "redirect_uri": {callback}, "code": {location.Query().Get("code")},
	})
	require.Equal(t, http.StatusOK, r.balance(given.access).status)
	given = r.exchange(a, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {given.refresh}})
	require.EqualValues(t, 1, r.scrape()[`gatehouse_standing_checks_total{outcome="good"}`])

	hub.ChangeUser(1, func(u *lndhub.User) { u.Deactivated = true })
	refused := r.balance(given.access)
	require.Equal(t, http.StatusForbidden, refused.status, refused.body)
	require.Equal(t, "access_denied", refused.json(t)["error"])
	require.Equal(t, true, book.last(t)["sent"])
	stale := r.form("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {given.refresh}}, a.id, a.secret)
	require.Equal(t, http.StatusBadRequest, stale.status, stale.body)
	require.Equal(t, "invalid_grant", stale.json(t)["error"])

	seen := r.scrape()
	require.EqualValues(t, 1, seen[`gatehouse_token_verifications_total{verdict="user_refused"}`])
	require.EqualValues(t, 1, seen[`gatehouse_standing_checks_total{outcome="suspended"}`])
	for name, value := range seen.named("gatehouse_upstream_errors_total") {
		require.Zero(t, value, name)
	}
	require.Empty(t, seen.named(`gatehouse_http_requests_total{method="GET",route="/balance",status="5xx"}`))
	require.Equal(t, http.StatusUnauthorized, r.balance(given.access).status, "it went with the grant")
}
