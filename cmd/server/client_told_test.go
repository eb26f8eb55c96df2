package main

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/client"
)

// asks is what a client is answered that wants a token of its own.
func (r served) asks(id, secret string) (status int) {
	r.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"balance:read"}, "client_id": {id}, "client_secret": {secret}}
	response, err := http.PostForm(r.public+"/oauth/token", form)
	require.NoError(r, err)
	require.NoError(r, response.Body.Close())
	return response.StatusCode
}

// What is changed at the command line is so at once for a server that runs, and not only when that would have read the client again.
func TestAServerIsToldOfAClientThatACommandChanges(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		r := s.serve()
		for name, change := range map[string]struct {
			command func(id string) []string
			status  int
		}{
			"secret": {func(id string) []string { return []string{"client", "secret", id, "--yes"} }, http.StatusUnauthorized},
			"update": {func(id string) []string {
				return []string{"client", "update", id, "--grant-type", "authorization_code"}
			}, http.StatusBadRequest},
			"delete": {func(id string) []string { return []string{"client", "delete", id, "--yes"} }, http.StatusUnauthorized},
		} {
			t.Run(name, func(t *testing.T) {
				for range 5 { // the machine may stand still
					created := s.object("client", "create", "--name", "N", "--grant-type", "client_credentials", "--redirect-uri", callback)
					id, secret := created["clientId"].(string), created["clientSecret"].(string)
					before := time.Now() // the server reads it after that
					require.Equal(t, http.StatusOK, r.asks(id, secret))
					s.ok(change.command(id)...)
					for r.asks(id, secret) == http.StatusOK {
						time.Sleep(10 * time.Millisecond)
					}
					isInTime := time.Since(before) < client.Staleness
					require.Equal(t, change.status, r.asks(id, secret))
					if isInTime {
						return
					}
				}
				require.Fail(t, "it was believed as long as if nothing had been told")
			})
		}
	})
}

func TestACommandSaysWhenServersAreNotTold(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		created := s.object("client", "create", "--name", "N", "--redirect-uri", callback)
		id, secret := created["clientId"].(string), created["clientSecret"].(string)
		without := s.with("GATEHOUSE_REDIS_URL", "redis://:hidden@"+nowhere)

		e := without.run("client", "secret", id, "--yes", "--json")
		require.Zero(t, e.code, e.stderr)
		replaced := decode[map[string]any](t, e.stdout)["clientSecret"].(string)
		require.NotEqual(t, secret, replaced)
		require.Contains(t, e.stderr, "up to 5s")
		require.NotContains(t, e.stderr, "hidden")
		require.NotContains(t, e.stderr, replaced)

		e = without.run("client", "update", id, "--name", "M")
		require.Zero(t, e.code, e.stderr)
		require.Contains(t, e.stderr, "up to 5s")
		require.Equal(t, "M", s.object("client", "show", id)["name"])

		e = without.run("client", "update", "nobody", "--name", "M")
		require.NotZero(t, e.code)
		require.NotContains(t, e.stderr, "up to 5s", "nothing has changed of which they could be told")

		s.with("GATEHOUSE_REDIS_URL", "").ok("client", "update", id, "--name", "O")
		s.with("GATEHOUSE_REDIS_URL", "http://localhost").refused(2, "redis_url", "client", "secret", id, "--yes")
	})
}
