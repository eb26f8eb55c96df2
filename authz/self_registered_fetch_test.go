package authz_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/client/document"
	"gatehouse/authz/internal/authztest"
	"gatehouse/keys/jws/jwstest"
)

// Where an operator has turned off that anything of strangers is fetched, that also holds for what they have registered before, and
// although the keys of the operator's own clients are fetched.
func TestNothingOfAStrangerIsFetchedAnyMoreWhereThatIsTurnedOff(t *testing.T) {
	there := authztest.NewDocuments(t)
	g := newRegistering(t, func(c *authz.Config) {
		c.ClientKeys = there.Source(t, func(d *document.Config) { d.Now = c.Now })
		c.Documents = there.Source(t, func(d *document.Config) { d.Now, d.Allow = c.Now, netip.Addr.IsLoopback })
	})
	a := g.registered(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": there.At})
	s := signing{world: g.world, Signer: jwstest.New(t, "ES256"), id: a.str("client_id"), kid: "first"}
	publish(there, s.keySet())
	g.requireError(s.refreshes("x"), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, 1, there.Fetches())

	without := g.config
	without.Documents = nil
	server, err := authz.New(without)
	require.NoError(t, err)
	later := httptest.NewServer(server.Public())
	t.Cleanup(later.Close)
	proof := s.assertion(nil, nil) // for the issuer, which is still the same
	g.url = later.URL
	g.requireError(g.post("/oauth/token", signed(proof, "grant_type", "refresh_token", "refresh_token", "x")), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, 1, there.Fetches())
}
