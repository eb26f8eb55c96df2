package authz_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/client"
	"gatehouse/registry"
)

// twoProcesses are authorization servers on one database, of which neither hears what the other changes.
func twoProcesses(t *testing.T) (here, there *world) {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db")
	var worlds [2]*world
	for i := range worlds {
		worlds[i] = newWorld(t, func(c *authz.Config) {
			stored, err := registry.Open(t.Context(), url, registry.WithNow(c.Now))
			require.NoError(t, err)
			t.Cleanup(func() { _ = stored.Close() })
			require.NoError(t, stored.Migrate(t.Context()))
			c.Registry = stored
		})
		worlds[i].registry = worlds[i].config.Registry
	}
	require.NoError(t, worlds[0].registry.CreateClient(t.Context(), registry.Client{
		ID: "service", Name: "Service", GrantTypes: []string{"client_credentials"}, SecretHash: client.HashGenerated(appSecret),
	}))
	return worlds[0], worlds[1]
}

func (w *world) ownToken(secret string) int {
	w.Helper()
	return w.post("/oauth/token", form("grant_type", "client_credentials", "scope", "balance:read"), basic("service", secret)).StatusCode
}

// A change of a client holds at once in the process that makes it, and elsewhere as soon as that is told, or after a bounded time.
func TestAChangedClientElsewhere(t *testing.T) {
	for name, change := range map[string]func(*world) error{
		"disabled": func(w *world) error {
			return w.registry.DisableClient(w.Context(), "service", w.clock.Now().Add(time.Hour))
		},
		"deleted": func(w *world) error {
			return w.registry.DeleteClient(w.Context(), "service", w.clock.Now().Add(time.Hour))
		},
		"secret": func(w *world) error {
			return w.registry.SetClientSecret(w.Context(), "service", client.HashGenerated("another"))
		},
		"settings": func(w *world) error {
			return second(w.registry.UpdateClient(w.Context(), "service", func(c *registry.Client) error {
				c.GrantTypes = []string{"authorization_code"}
				return nil
			}))
		},
	} {
		for told, hear := range map[string]func(*world){
			"that one": func(w *world) { w.server.ForgetClient("service") },
			"missed":   func(w *world) { w.server.ForgetClients() },
			"nothing":  func(w *world) { w.clock.Advance(client.Staleness) },
		} {
			t.Run(name+", told "+told, func(t *testing.T) {
				here, there := twoProcesses(t)
				for _, w := range []*world{here, there} {
					require.Equal(t, http.StatusOK, w.ownToken(appSecret))
				}
				require.NoError(t, change(here))
				require.NotEqual(t, http.StatusOK, here.ownToken(appSecret), "the process that changed it")
				require.Equal(t, http.StatusOK, there.ownToken(appSecret), "it cannot know yet")
				hear(there)
				require.NotEqual(t, http.StatusOK, there.ownToken(appSecret))
			})
		}
	}
}
