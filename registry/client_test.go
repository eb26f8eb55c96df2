package registry_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

func clientRoundTrip(t *testing.T, w *world) {
	client := registry.Client{
		ID: "läden ? 'quoted' \"twice\" \\ {0}", Name: "<b>Öl & Söhne</b> 🪙", URL: "https://example.org/?a=b",
		ImageURL: "https://example.org/i.png", Domain: "https://*.example.org",
		RedirectURIs:  []string{"https://example.org/cb?x=1&y=2", "http://localhost:8080"},
		Scopes:        []string{"balance:read", "it's"},
		GrantTypes:    []string{"authorization_code", "refresh_token"},
		DefaultScopes: []string{"balance:read"}, RequiredScopes: []string{"it's"},
		Public: true, DPoPBound: true, PushedOnly: true, SecretHash: "sha256:'); DROP TABLE clients; --",
		Keys: `{"keys":[{"kid":"it's"}]}`, KeysURL: "https://example.org/keys?a=b", SigningAlg: "ES256",
		CreatedAt: start.Add(-time.Hour),
	}
	require.NoError(t, w.CreateClient(w.ctx, client))
	want := client
	want.CreatedAt, want.UpdatedAt = stored(client.CreatedAt), stored(start)
	got, err := w.Client(w.ctx, client.ID)
	require.NoError(t, err)
	require.Equal(t, want, got)

	clients, err := w.Clients(w.ctx)
	require.NoError(t, err)
	require.Len(t, clients, 2)
	require.Equal(t, want, clients[0], "the older one is first")
	require.Equal(t, registry.Client{ID: "app", Name: "App", CreatedAt: stored(start), UpdatedAt: stored(start)}, clients[1])
}

func clientNames(t *testing.T, w *world) {
	_, err := w.Client(w.ctx, "nobody")
	require.ErrorIs(t, err, registry.ErrNotFound)
	_, err = w.Client(w.ctx, "APP")
	require.ErrorIs(t, err, registry.ErrNotFound, "identifiers are case-sensitive")
	require.ErrorIs(t, w.CreateClient(w.ctx, registry.Client{ID: "app", Name: "Thief"}), registry.ErrExists)
	got, err := w.Client(w.ctx, "app")
	require.NoError(t, err)
	require.Equal(t, "App", got.Name)
}

func clientUpdate(t *testing.T, w *world) {
	w.Advance(time.Hour)
	changed, err := w.UpdateClient(w.ctx, "app", func(c *registry.Client) error {
		require.Equal(t, "App", c.Name)
		c.Name, c.Scopes, c.Public, c.DPoPBound, c.PushedOnly = "New", []string{"a", "b"}, true, true, true
		c.ID, c.CreatedAt, c.UpdatedAt = "other", time.Time{}, time.Time{}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, registry.Client{
		ID: "app", Name: "New", Scopes: []string{"a", "b"}, Public: true, DPoPBound: true, PushedOnly: true,
		CreatedAt: stored(start), UpdatedAt: stored(start.Add(time.Hour)),
	}, changed)
	got, err := w.Client(w.ctx, "app")
	require.NoError(t, err)
	require.Equal(t, changed, got)

	_, err = w.UpdateClient(w.ctx, "nobody", func(*registry.Client) error { t.Error("there is nothing to change"); return nil })
	require.ErrorIs(t, err, registry.ErrNotFound)

	for _, err := range registrytest.Race(50, func(int) error {
		return second(w.UpdateClient(w.ctx, "app", func(c *registry.Client) error { c.Scopes = append(c.Scopes, "c"); return nil }))
	}) {
		require.NoError(t, err)
	}
	got, err = w.Client(w.ctx, "app")
	require.NoError(t, err)
	require.Len(t, got.Scopes, 52, "an update was lost")

	keyed, err := w.UpdateClient(w.ctx, "app", func(c *registry.Client) error { c.KeysURL = "https://app.example/keys"; return nil })
	require.NoError(t, err)
	require.True(t, keyed.HasKeys())
	keyed, err = w.UpdateClient(w.ctx, "app", func(c *registry.Client) error { c.Keys, c.KeysURL, c.SigningAlg = "{}", "", "ES256"; return nil })
	require.NoError(t, err)
	require.True(t, keyed.HasKeys())
	require.Equal(t, "ES256", keyed.SigningAlg)
	got, err = w.Client(w.ctx, "app")
	require.NoError(t, err)
	require.Equal(t, keyed, got)

	refused := errors.New("refused")
	_, err = w.UpdateClient(w.ctx, "app", func(c *registry.Client) error { c.Name = "Other"; return refused })
	require.Equal(t, refused, err)
	after, err := w.Client(w.ctx, "app")
	require.NoError(t, err)
	require.Equal(t, got, after)
}

func clientSecret(t *testing.T, w *world) {
	require.NoError(t, w.SetClientSecret(w.ctx, "app", "hash"))
	got, err := w.Client(w.ctx, "app")
	require.NoError(t, err)
	require.Equal(t, "hash", got.SecretHash)
	require.ErrorIs(t, w.SetClientSecret(w.ctx, "nobody", "hash"), registry.ErrNotFound)
}

func clientDeletion(t *testing.T, w *world) {
	require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: "other"}))
	_, refresh := w.redeem()
	_, code := w.authorize()
	require.NoError(t, w.Authorize(w.ctx, registry.Grant{ID: "theirs", ClientID: "other", Subject: "ann"},
		registry.Code{Hash: "theirs", ExpiresAt: start.Add(codeLife)}))
	until := start.Add(24 * time.Hour)
	require.NoError(t, w.DeleteClient(w.ctx, "app", until))

	_, err := w.Client(w.ctx, "app")
	require.ErrorIs(t, err, registry.ErrNotFound)
	clients, err := w.Clients(w.ctx)
	require.NoError(t, err)
	require.Len(t, clients, 1)
	for name, err := range map[string]error{
		"update":    second(w.UpdateClient(w.ctx, "app", func(*registry.Client) error { return nil })),
		"secret":    w.SetClientSecret(w.ctx, "app", "hash"),
		"delete":    w.DeleteClient(w.ctx, "app", until),
		"authorize": w.Authorize(w.ctx, registry.Grant{ID: "new", ClientID: "app", Subject: "ann"}, registry.Code{Hash: "new", ExpiresAt: until}),
	} {
		require.ErrorIs(t, err, registry.ErrNotFound, name)
	}
	require.ErrorIs(t, w.CreateClient(w.ctx, registry.Client{ID: "app"}), registry.ErrExists, "a deleted client keeps its ID")
	require.ErrorIs(t, w.rotate(refresh, "next"), registry.ErrGrantEnded)
	require.ErrorIs(t, w.RedeemCode(w.ctx, code, nil, until), registry.ErrGrantEnded)
	require.Equal(t, "client_deleted", w.grant(code).EndReason)
	require.Equal(t, stored(start), w.grant(code).EndedAt)
	require.Equal(t, map[string]time.Time{"client app": stored(until)}, w.pending())
	require.True(t, w.revoked("", "", "app"))
	require.True(t, w.revoked("", "g1", ""))

	require.False(t, w.revoked("", "theirs", "other"))
	require.NoError(t, w.RedeemCode(w.ctx, "theirs", nil, until), "another client's grant ended too")
}

func clientDeletionOutlivesTokens(t *testing.T, w *world) {
	w.redeem()
	_, refresh := w.redeem()
	long := start.Add(365 * 24 * time.Hour)
	require.NoError(t, rotate(w.Registry, refresh, w.token("next"), grace, long))
	require.NoError(t, w.DeleteClient(w.ctx, "app", start.Add(time.Hour)))
	require.Equal(t, map[string]time.Time{"client app": stored(long)}, w.pending())
}

func clientDisabled(t *testing.T, w *world) {
	require.NoError(t, w.CreateClient(w.ctx, registry.Client{ID: "other", DisabledAt: start}))
	_, refresh := w.redeem()
	_, code := w.authorize()
	until := start.Add(24 * time.Hour)
	require.ErrorIs(t, w.DisableClient(w.ctx, "nobody", until), registry.ErrNotFound)
	require.NoError(t, w.DisableClient(w.ctx, "app", until))

	require.ErrorIs(t, w.Authorize(w.ctx, registry.Grant{ID: "new", ClientID: "app", Subject: "ann"},
		registry.Code{Hash: "new", ExpiresAt: until}), registry.ErrNotFound)
	require.ErrorIs(t, w.rotate(refresh, "next"), registry.ErrGrantEnded)
	require.ErrorIs(t, w.RedeemCode(w.ctx, code, nil, until), registry.ErrGrantEnded)
	require.Equal(t, "client_disabled", w.grant(code).EndReason)
	require.Equal(t, map[string]time.Time{"client app": stored(until)}, w.pending())
	require.True(t, w.revoked("", "g1", ""))
	require.False(t, w.revoked("", "", "other"))

	// It stays in sight, and disabled, whoever changes it.
	disabledAt := stored(start)
	w.Advance(time.Hour)
	got, err := w.UpdateClient(w.ctx, "app", func(c *registry.Client) error { c.Name, c.DisabledAt = "New", time.Time{}; return nil })
	require.NoError(t, err)
	require.Equal(t, disabledAt, got.DisabledAt)
	clients, err := w.Clients(w.ctx)
	require.NoError(t, err)
	require.Len(t, clients, 2)
	for _, client := range clients {
		require.Equal(t, client.ID == "app", client.Disabled(), client.ID)
	}

	require.NoError(t, w.DisableClient(w.ctx, "app", until.Add(-time.Hour)))
	require.NoError(t, w.DisableClient(w.ctx, "app", until.Add(time.Hour)))
	require.Equal(t, map[string]time.Time{"client app": stored(until.Add(time.Hour))}, w.pending())
	got, err = w.Client(w.ctx, "app")
	require.NoError(t, err)
	require.Equal(t, disabledAt, got.DisabledAt, "it was disabled once")

	_, err = w.DB().NewDelete().Table("revocations").Where("1 = 1").Exec(w.ctx)
	require.NoError(t, err)
	require.True(t, w.revoked("", "", "app"), "it is revoked for as long as it is disabled")
	require.NoError(t, w.DeleteClient(w.ctx, "app", until))
	require.ErrorIs(t, w.DisableClient(w.ctx, "app", until), registry.ErrNotFound)
	require.ErrorIs(t, second(w.Client(w.ctx, "app")), registry.ErrNotFound)
}
