package app_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/keys"
)

// TestALeakedKeyIsRefusedByGateways: at once, also where the token was verified before, and long before the JWKS is read
// again. Tokens of the key that took over are never answered with 401.
func TestALeakedKeyIsRefusedByGateways(t *testing.T) {
	for _, mode := range []string{config.Mirror, config.Strict} {
		t.Run(mode, func(t *testing.T) {
			cfg := testConfig(echoUpstream(t))
			cfg.RedisURL, cfg.Denylist.Mode = privateRedis(t), mode
			cfg.Keys.JWKSRefresh = 5 * time.Second
			cfg.Revocation.Wait = 5 * time.Second // or a busy machine decides
			authz := startRole(t, cfg, config.AuthzOnly)
			authz.awaitReady()
			gateway := startRole(t, gatewayConfig(cfg, authz), config.GatewayOnly)
			gateway.awaitReady()
			a := authz.register()
			given := authz.consent(a, 1, "balance:read")
			require.Equal(t, http.StatusOK, gateway.settled(given.access).status)
			stranger, err := keys.Generate(keys.ES256)
			require.NoError(t, err)
			foreign, err := stranger.Sign(keys.TypeAccessToken, map[string]any{"sub": "1"})
			require.NoError(t, err)
			require.Equal(t, http.StatusUnauthorized, gateway.settled(foreign).status)

			leaked := authz.signingKey().ID()
			revoked := authz.do(http.MethodPost, authz.admin+"/admin/keys/"+leaked+"/revoke", nil, nil)
			require.Equal(t, http.StatusOK, revoked.status, revoked.body)
			began := time.Now()
			require.Equal(t, http.StatusUnauthorized, gateway.settled(given.access).status)
			require.Equal(t, http.StatusServiceUnavailable, gateway.balance(foreign).status, "it could be of the new key")

			renewed := authz.form("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {given.refresh}}, a.id, a.secret)
			require.Equal(t, http.StatusOK, renewed.status, renewed.body)
			token := renewed.json(t)["access_token"].(string)
			require.Eventually(t, func() bool {
				status := gateway.balance(token).status
				require.NotEqual(t, http.StatusUnauthorized, status, "%s after the revocation", time.Since(began))
				return status == http.StatusOK
			}, startTimeout, 10*time.Millisecond)
			require.NotEqual(t, leaked, authz.signingKey().ID())
		})
	}
}
