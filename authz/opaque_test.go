package authz_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/admin"
	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

const foreignAccess = "OTM5NWVHZWQTZMQXMC0ZMTJJLWI5ODQTODBIZTIZYTA5ZTQ0"

// imported is a world with an access token of another server, of the client app, that lives so long.
func imported(t *testing.T, lives time.Duration) *world {
	t.Helper()
	w := newWorld(t, func(c *authz.Config) { c.OpaqueTokens = true })
	now := w.clock.Now()
	outcomes, err := w.registry.ImportGrants(t.Context(), &registry.Import{Source: "elsewhere", Run: now, Most: 50}, []registry.ImportedGrant{{
		Grant: registry.Grant{
			ID: "taken", ClientID: "app", Subject: subject, Scopes: []string{"balance:read"}, RedirectURI: callback, CreatedAt: now,
		},
		Access: &registry.ImportedToken{Hash: text.HashToken(foreignAccess), IssuedAt: now, ExpiresAt: now.Add(lives)},
	}})
	require.NoError(t, err)
	require.Equal(t, []registry.ImportOutcome{registry.ImportTaken}, outcomes)
	return w
}

func (w *world) introspected(token string) answer {
	w.Helper()
	return w.post("/oauth/introspect", url.Values{"token": {token}}, basic("other", appSecret))
}

func TestAnImportedTokenIsToldOfUntilItExpires(t *testing.T) {
	w := imported(t, time.Hour)
	require.Equal(t, true, w.introspected(foreignAccess).json["active"])
	require.Equal(t, http.StatusOK, w.get("/oauth/token/introspect", header("Authorization", "Bearer "+foreignAccess)).StatusCode)
	require.Equal(t, map[string]any{"active": false}, w.introspected(strings.ToLower(foreignAccess)).json)
	w.clock.Advance(time.Hour)
	require.Equal(t, map[string]any{"active": false}, w.introspected(foreignAccess).json)
	require.Equal(t, http.StatusUnauthorized, w.get("/oauth/token/introspect", header("Authorization", "Bearer "+foreignAccess)).StatusCode)
	require.Equal(t, http.StatusOK, w.post("/oauth/revoke", url.Values{"token": {foreignAccess}}, basic("app", appSecret)).StatusCode)
}

// TestARevocationLastsAsLongAsAnImportedToken, which may be longer than that of any token of ours.
func TestARevocationLastsAsLongAsAnImportedToken(t *testing.T) {
	const years = 6 * 365 * 24 * time.Hour
	for name, revoke := range map[string]func(*world) error{
		"by its client": func(w *world) error {
			require.Equal(t, http.StatusOK, w.post("/oauth/revoke", url.Values{"token": {foreignAccess}}, basic("app", appSecret)).StatusCode)
			return nil
		},
		"by an operator": func(w *world) error {
			operator := &admin.Operator{Registry: w.registry, Relay: w.relay, Scopes: routeScopes, Actor: "test", Now: w.clock.Now}
			_, err := operator.Revoke(t.Context(), admin.Target{TokenID: "taken"})
			return err
		},
		"with its client": func(w *world) error {
			operator := &admin.Operator{Registry: w.registry, Relay: w.relay, Scopes: routeScopes, Actor: "test", Now: w.clock.Now}
			_, err := operator.DeleteClient(t.Context(), "app")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := imported(t, years)
			require.NoError(t, revoke(w))
			require.Equal(t, map[string]any{"active": false}, w.introspected(foreignAccess).json)
			w.clock.Advance(years - time.Minute)
			live, err := w.registry.LiveRevocations(t.Context(), registry.Revocation{}, 10)
			require.NoError(t, err)
			require.Len(t, live, 1)
			require.Equal(t, map[string]any{"active": false}, w.introspected(foreignAccess).json)
		})
	}
}
