package main

import (
	"crypto/rand"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"gatehouse/registry/registrytest"
)

func (s site) createClient() map[string]any {
	s.Helper()
	return s.object("client", "create", "--name", "Test", "--redirect-uri", callback)
}

func TestWhatIsRevokedIsRefusedByARunningServer(t *testing.T) {
	onEach(t, func(t *testing.T, s site) {
		r := s.serve()
		first, second, third := s.createClient(), s.createClient(), s.createClient()
		token, grant, other := r.consent(1, first), r.consent(1, first), r.consent(2, first)
		of2, of3 := r.consent(2, second), r.consent(3, second)
		deleted := r.consent(3, third)
		for _, g := range []given{token, grant, other, of2, of3, deleted} {
			require.Equal(t, http.StatusOK, r.balance(g.token))
		}

		require.Equal(t, map[string]any{"token": token.jti, "delivered": true, "unconfirmed_gateways": 0.0}, s.object("revoke", "--jti", token.jti, "--yes"))
		r.requireRefused(token.token)
		require.Equal(t, http.StatusOK, r.balance(grant.token), "nothing else was revoked")

		require.Equal(t, "grant "+grant.grant+" revoked\n", s.ok("revoke", "--grant", grant.grant, "--yes"))
		r.requireRefused(grant.token)
		require.Equal(t, http.StatusOK, r.balance(other.token))

		require.Equal(t, map[string]any{"user": "2", "grants": 2.0, "delivered": true, "unconfirmed_gateways": 0.0}, s.object("revoke", "--user", "2", "--yes"))
		r.requireRefused(other.token)
		r.requireRefused(of2.token)
		require.Equal(t, http.StatusOK, r.balance(of3.token))
		require.Equal(t, "0 grants of user 2 ended\n", s.ok("revoke", "--user", "2", "--yes"))

		id := second["clientId"].(string)
		require.Equal(t, map[string]any{"client": id, "delivered": true, "unconfirmed_gateways": 0.0}, s.object("revoke", "--client", id, "--yes"))
		r.requireRefused(of3.token)
		require.Contains(t, s.object("client", "show", id), "disabledAt")
		require.Regexp(t, id+` +Test +disabled `, s.ok("client", "list"))
		require.Equal(t, http.StatusOK, r.balance(deleted.token))

		require.Equal(t, "client "+third["clientId"].(string)+" deleted\n", s.ok("client", "delete", third["clientId"].(string), "--yes"))
		r.requireRefused(deleted.token)

		s.ok("revoke", "--jti", token.jti, "--yes")
		s.ok("revoke", "--grant", grant.grant, "--yes")
		s.refused(3, `grant "nothing": not found`, "revoke", "--grant", "nothing", "--yes")
		s.refused(3, `client "nobody": not found`, "revoke", "--client", "nobody", "--yes")
	})
}

func TestARevocationThatRedisIsNotToldOfIsDelivered(t *testing.T) {
	onEach(t, func(t *testing.T, s site) {
		r := s.serve()
		client := s.createClient()
		g, other := r.consent(1, client), r.consent(2, client)
		require.Equal(t, http.StatusOK, r.balance(g.token))

		cut := s.with("GATEHOUSE_REDIS_URL", "redis://:unspeakable@"+nowhere)
		e := cut.run("revoke", "--grant", g.grant, "--yes", "--json")
		require.Equal(t, 4, e.code)
		require.Equal(t, map[string]any{"grant": g.grant, "delivered": false}, decode[map[string]any](t, e.stdout))
		require.Contains(t, e.stderr, "recorded")
		require.NotContains(t, e.stderr, "unspeakable")
		r.requireRefused(g.token) // the server's relay has delivered it

		id := client["clientId"].(string)
		require.Equal(t, http.StatusOK, r.balance(other.token))
		require.Equal(t, 4, cut.run("client", "delete", id, "--yes").code)
		r.requireRefused(other.token)
		s.refused(3, "not found", "client", "delete", id, "--yes")
	})
}

// TestWhoRevokesIsToldHowManyGatewaysMayNotKnow has a gateway that has read nothing and reads no more.
func TestWhoRevokesIsToldHowManyGatewaysMayNotKnow(t *testing.T) {
	server := miniredis.RunT(t)
	s := newSite(t, registrytest.SQLite(t), "redis://"+server.Addr()).with("GATEHOUSE_REVOCATION_WAIT", "300ms")
	s.ok("migrate")
	_, err := server.SAdd("{gh}:gateways", "stuck")
	require.NoError(t, err)
	require.NoError(t, server.Set("{gh}:gateway:stuck", "0-0"))
	for name, revoke := range map[string]func() []string{
		"revoke":        func() []string { return []string{"revoke", "--yes", "--jti", rand.Text()} },
		"client delete": func() []string { return []string{"client", "delete", "--yes", s.createClient()["clientId"].(string)} },
		"key revoke": func() []string {
			s.run("key", "rotate") // or there is none
			return []string{"key", "revoke", "--yes", "--", s.list("key", "list")[0]["id"].(string)}
		},
	} {
		arguments := revoke()
		began := time.Now()
		require.Contains(t, s.ok(arguments...), "; 1 gateways have not confirmed it in time", name)
		require.GreaterOrEqual(t, time.Since(began), 300*time.Millisecond, name)
		arguments = revoke()
		arguments = slices.Insert(arguments, slices.Index(arguments, "--yes"), "--json")
		done := decode[map[string]any](t, s.ok(arguments...))
		require.Equal(t, true, done["delivered"], name)
		require.EqualValues(t, 1, done["unconfirmed_gateways"], name)
	}
}

func TestARedisInsideTheServerIsToldByTheServer(t *testing.T) {
	s := sqliteSite(t).with("GATEHOUSE_REDIS_URL", "embedded:")
	r := s.serve()
	g := r.consent(1, s.createClient())
	require.Equal(t, http.StatusOK, r.balance(g.token))
	e := s.run("revoke", "--user", "1", "--yes")
	require.Equal(t, 4, e.code)
	require.Equal(t, "1 grants of user 1 ended\n", e.stdout)
	require.Contains(t, e.stderr, "embedded:")
	r.requireRefused(g.token)
}
