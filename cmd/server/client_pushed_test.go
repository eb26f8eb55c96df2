package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pushes is a request that the client sends ahead, and where its browser goes then.
func (r served) pushes(id, secret string) (requestURI string) {
	r.Helper()
	form := url.Values{
		"client_id": {id}, "client_secret": {secret}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {"balance:read"},
	}
	response := r.post("/oauth/par", form, func(*http.Request) {})
	require.Equal(r, http.StatusCreated, response.StatusCode)
	var answer struct {
		RequestURI string `json:"request_uri"`
	}
	require.NoError(r, json.NewDecoder(response.Body).Decode(&answer))
	return answer.RequestURI
}

// authorizes asks as the host application does, for user 1, and returns where the browser is led.
func (r served) authorizes(form url.Values) string {
	r.Helper()
	response := r.post("/oauth/authorize", form, func(request *http.Request) {
		request.Header.Set("Authorization", "Bearer "+userToken(r, 1))
	})
	return response.Header.Get("Location")
}

func TestAClientThatHasToPushItsRequests(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		r := s.serve()
		created := s.object("client", "create", "--name", "N", "--redirect-uri", callback, "--require-pushed")
		id, secret := created["clientId"].(string), created["clientSecret"].(string)
		require.Equal(t, true, created["requirePushedAuthorizationRequests"])
		require.Contains(t, s.ok("client", "show", id), "have to be pushed")
		asked := url.Values{"client_id": {id}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {"balance:read"}}
		require.Contains(t, r.authorizes(asked), "error=invalid_request")
		named := url.Values{"client_id": {id}, "request_uri": {r.pushes(id, secret)}}
		require.Contains(t, r.authorizes(named), "code=")

		require.Equal(t, true, s.object("client", "update", id, "--name", "M")["requirePushedAuthorizationRequests"])
		require.Equal(t, false, s.object("client", "update", id, "--require-pushed=false")["requirePushedAuthorizationRequests"])
		require.NotContains(t, s.ok("client", "show", id), "pushed")
		require.Eventually(t, func() bool { return strings.Contains(r.authorizes(asked), "code=") }, patience, patience/1000)
		require.Equal(t, true, s.object("client", "update", id, "--require-pushed")["requirePushedAuthorizationRequests"])
		require.Eventually(t, func() bool { return strings.Contains(r.authorizes(asked), "error=invalid_request") }, patience, patience/1000)
	})
}
