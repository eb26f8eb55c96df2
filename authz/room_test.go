package authz_test

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

// stored is the database of a world, to fill it with what would take strangers hours to send.
func stored(t *testing.T, change ...func(*authz.Config)) (*registering, *sql.DB) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gatehouse.db")
	open := func(c *authz.Config) {
		var err error
		c.Registry, err = registry.Open(t.Context(), "sqlite:"+file, registry.WithNow(c.Now))
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Registry.Close() })
		require.NoError(t, c.Registry.Migrate(t.Context()))
	}
	g := newRegistering(t, append(change, open)...)
	g.registry = g.config.Registry
	g.register()
	beneath, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = beneath.Close() })
	return g, beneath
}

// filled runs a statement that inserts a row for each n up to most.
func filled(t *testing.T, beneath *sql.DB, most int, insert string, arguments ...any) {
	t.Helper()
	_, err := beneath.ExecContext(t.Context(), strings.Replace(insert, "SELECT", "WITH RECURSIVE counted(n) AS "+
		"(SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?) SELECT", 1), append([]any{most}, arguments...)...)
	require.NoError(t, err)
}

// Where nothing else is said, 10,000 clients that no user has allowed anything are what strangers can store.
func TestThereIsRoomForSoManyRegistrations(t *testing.T) {
	g, beneath := stored(t)
	first := g.registered(nil)
	filled(t, beneath, 9_998, "INSERT INTO registrations (client_id, token_hash, metadata, created_at) "+
		"SELECT 'filler ' || n, token_hash, metadata, created_at FROM counted, registrations WHERE client_id = ?", first.str("client_id"))
	g.registered(nil)
	g.requireError(g.registers(nil), http.StatusServiceUnavailable, "temporarily_unavailable")
	g.clock.Advance(time.Hour)
	g.registered(nil)
	require.NotContains(t, g.selfRegistered(), first.str("client_id"))
}

// All clients together have room for 10,000 requests that no browser has begun, whoever pushes them.
func TestThereIsRoomForSoManyPushedRequests(t *testing.T) {
	g, beneath := stored(t)
	first := g.push()
	g.clock.Advance(time.Millisecond)
	next := g.push()
	g.clock.Advance(time.Millisecond)
	last := g.push()
	filled(t, beneath, 9_997, "INSERT INTO authorization_requests (id, browser_hash, client_id, parameters, created_at, expires_at, session_hash, grant_id) "+
		"SELECT 'filler ' || n, '', 'filler ' || n, parameters, created_at, expires_at, '', '' FROM counted, authorization_requests WHERE id = ?",
		text.HashToken(strings.TrimPrefix(last, requestURIPrefix)))
	g.clock.Advance(time.Millisecond)
	g.push()
	b := g.signedIn()
	requirePage(t, b.open(byName("app", first)), http.StatusBadRequest)
	requirePage(t, b.open(byName("app", next)), http.StatusOK)
}

// A secret that a stranger was given by registering proves nothing about how much it will send.
func TestStrangersWithASecretPushAtAPace(t *testing.T) {
	g := newRegistering(t)
	a := g.registered(map[string]any{"token_endpoint_auth_method": "client_secret_basic"})
	asked := func() answer {
		return g.post("/oauth/par", pushing(a.str("client_id"), append([]string{"scope", "balance:read"}, pkce...)...),
			basic(a.str("client_id"), a.str("client_secret")))
	}
	for range 600 {
		g.pushed(asked())
	}
	g.requireError(asked(), http.StatusTooManyRequests, "too_many_requests")
	g.push()
	g.from = "192.0.2.2"
	g.pushed(asked())
}
