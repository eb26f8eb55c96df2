package app_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/keys"
)

// gatewayConfig is what a gateway on its own is given: no database and no secret of the authorization server's.
func gatewayConfig(cfg config.Config, authz *running) config.Config {
	cfg.DatabaseURL, cfg.Keys.Secret = "", ""
	cfg.Keys.JWKSURL = authz.public + "/.well-known/jwks.json"
	return cfg
}

func TestGatewaysOnTheirOwnFollowAnAuthorizationServer(t *testing.T) {
	for _, mode := range []string{config.Mirror, config.Strict} {
		t.Run(mode, func(t *testing.T) {
			cfg := testConfig(echoUpstream(t))
			cfg.RedisURL, cfg.Denylist.Mode = privateRedis(t), mode
			authz := startRole(t, cfg, config.AuthzOnly)
			authz.awaitReady()
			gateways := []*running{
				startRole(t, gatewayConfig(cfg, authz), config.GatewayOnly),
				startRole(t, gatewayConfig(cfg, authz), config.GatewayOnly),
			}
			a := authz.register()
			given := authz.consent(a, 1, "balance:read")
			for _, gateway := range gateways {
				gateway.awaitReady()
				require.Equal(t, http.StatusOK, gateway.settled(given.access).status)
				require.Equal(t, http.StatusNotFound, gateway.do(http.MethodGet, gateway.public+"/oauth/scopes", nil, nil).status)
				require.Equal(t, http.StatusNotFound, gateway.do(http.MethodGet, gateway.admin+"/admin/clients", nil, nil).status)
			}
			require.Equal(t, http.StatusNotFound, authz.balance(given.access).status, "there is no gateway here")

			revoked := authz.form("/oauth/revoke", url.Values{"token": {given.refresh}}, a.id, a.secret)
			require.Equal(t, http.StatusOK, revoked.status, revoked.body)
			for _, gateway := range gateways {
				require.Eventually(t, func() bool { return gateway.balance(given.access).status == http.StatusUnauthorized },
					cfg.Denylist.MaxStaleness+startTimeout, time.Millisecond)
			}

			other := authz.consent(a, 2, "balance:read")
			authz.stop()
			for _, gateway := range gateways {
				require.Equal(t, http.StatusOK, gateway.settled(other.access).status, "gateways go on without it")
			}
		})
	}
}

func TestReadinessTellsTheTruth(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.RedisURL = privateRedis(t)
	jwks := cfg
	jwks.DatabaseURL, jwks.Keys.Secret = "", ""
	jwks.Keys.JWKSURL = "http://127.0.0.1:1/jwks.json"
	gateway := startRole(t, jwks, config.GatewayOnly)

	require.Equal(t, http.StatusOK, gateway.do(http.MethodGet, gateway.admin+"/healthz", nil, nil).status)
	notReady := gateway.do(http.MethodGet, gateway.admin+"/readyz", nil, nil)
	require.Equal(t, http.StatusServiceUnavailable, notReady.status)
	require.Equal(t, map[string]any{"status": "not ready", "keys": "not loaded yet", "denylist": "not loaded yet", "redis": "ok"},
		notReady.json(t), "it says which parts are the reason")

	key, err := keys.Generate(keys.ES256)
	require.NoError(t, err)
	token, err := key.Sign(keys.TypeAccessToken, map[string]any{"sub": "1"})
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, gateway.balance(token).status, "a client would throw its tokens away on 401")
}

// tellsWhoItIs answers INFO, which miniredis does not do.
func tellsWhoItIs(c *server.Peer, command string, _ ...string) bool {
	if command != "INFO" {
		return false
	}
	c.WriteBulk("run_id:1\r\nmaster_replid:1\r\n")
	return true
}

func TestAnAuthorizationServerIsReadyWithoutRedis(t *testing.T) {
	redis := miniredis.RunT(t)
	redis.Server().SetPreHook(tellsWhoItIs)
	cfg := testConfig(echoUpstream(t))
	cfg.RedisURL = config.SecretURL("redis://" + redis.Addr())
	authz := startRole(t, cfg, config.AuthzOnly)
	ready := func() answer { return authz.do(http.MethodGet, authz.admin+"/readyz", nil, nil) }
	whole := map[string]any{"status": "ready", "database": "ok", "denylist": "ok", "redis": "ok"}
	require.Equal(t, whole, ready().json(t))
	a := authz.register()

	redis.Close()
	without := ready()
	require.Equal(t, http.StatusOK, without.status, "a load balancer would refuse to give out tokens")
	require.Equal(t, "degraded", without.json(t)["status"])
	require.Equal(t, "ok", without.json(t)["database"])
	require.Contains(t, without.json(t)["denylist"], "refused", "it says what is not well, and why")
	given := authz.consent(a, 1, "balance:read")
	taken := authz.form("/oauth/revoke", url.Values{"token": {given.refresh}}, a.id, a.secret)
	require.Equal(t, http.StatusServiceUnavailable, taken.status, "nobody may believe that every gateway knows")

	require.NoError(t, redis.Restart())
	redis.Server().SetPreHook(tellsWhoItIs)
	require.Eventually(t, func() bool { return ready().json(t)["status"] == "ready" }, startTimeout, 10*time.Millisecond)
	require.Equal(t, whole, ready().json(t))
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(redis.Keys(), func(key string) bool { return strings.Contains(key, ":grant:") })
	}, startTimeout, 10*time.Millisecond, "the relay delivers what could not be delivered")
}
