package app_test

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway"
)

// ownRedis is a Redis of this test's own, whose settings can be changed.
func ownRedis(t *testing.T) (config.SecretURL, *redis.Client) {
	t.Helper()
	if os.Getenv("TEST_REDIS_URL") == "" {
		t.Skip("TEST_REDIS_URL is not set; `make test` installs a Redis and sets it")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().(*net.TCPAddr)
	require.NoError(t, listener.Close())
	server := exec.CommandContext(t.Context(), "redis-server", "--bind", "127.0.0.1", "--port", strconv.Itoa(address.Port),
		"--dir", t.TempDir(), "--save", "", "--appendonly", "no")
	require.NoError(t, server.Start())
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	client := redis.NewClient(&redis.Options{Addr: address.String()})
	t.Cleanup(func() { _ = client.Close() })
	require.Eventually(t, func() bool { return client.Ping(t.Context()).Err() == nil }, startTimeout, 10*time.Millisecond)
	return config.SecretURL("redis://" + address.String()), client
}

// TestARedisThatLosesOrRefusesRevocationsIsSaid is what an operator sees who does not look at Redis.
func TestARedisThatLosesOrRefusesRevocationsIsSaid(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	var client *redis.Client
	cfg.RedisURL, client = ownRedis(t)
	r := start(t, cfg)
	a := r.register()
	given := r.consent(a, 1, "balance:read")
	ready := func() map[string]any { return r.do(http.MethodGet, r.admin+"/readyz", nil, nil).json(t) }
	require.Equal(t, map[string]any{"status": "ready", "database": "ok", "denylist": "ok", "redis": "ok"}, ready())
	require.Equal(t, scraped{
		`gatehouse_redis_condition{condition="full"}`: 0, `gatehouse_redis_condition{condition="evicts"}`: 0,
		`gatehouse_redis_condition{condition="unguarded"}`: 0, `gatehouse_redis_condition{condition="mute"}`: 0,
	}, r.scrape().named("gatehouse_redis_condition"))

	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "1").Err())
	revoked := r.form("/oauth/revoke", url.Values{"token": {given.refresh}}, a.id, a.secret)
	require.Equal(t, http.StatusServiceUnavailable, revoked.status)
	require.Equal(t, "degraded", ready()["status"])
	require.Contains(t, ready()["redis"], "Redis is full")
	require.EqualValues(t, 1, r.scrape()[`gatehouse_redis_condition{condition="full"}`])
	require.Equal(t, http.StatusUnauthorized, r.balance(given.access).status, "this process knows what it could not deliver")

	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "0").Err())
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory-policy", "volatile-ttl").Err())
	require.Equal(t, "degraded", ready()["status"])
	require.Contains(t, ready()["redis"], "maxmemory-policy noeviction")
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err())
	require.Eventually(t, func() bool { return ready()["status"] == "ready" }, startTimeout, 10*time.Millisecond,
		"the relay delivers, which ends the condition")
	require.Zero(t, r.scrape()[`gatehouse_redis_condition{condition="full"}`])
}

func TestARedisThatDoesNotTellWhoItIsIsSaid(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.RedisURL = config.SecretURL("redis://" + miniredis.RunT(t).Addr()) // which has no INFO
	r, book := startLogged(t, cfg)
	ready := r.do(http.MethodGet, r.admin+"/readyz", nil, nil)
	require.Equal(t, http.StatusOK, ready.status)
	require.Equal(t, "degraded", ready.json(t)["status"])
	require.Contains(t, ready.json(t)["redis"], "run_id")
	require.Eventually(t, func() bool {
		warned := book.lines(t, ready.json(t)["redis"].(string))
		return len(warned) == 1 && warned[0]["level"] == "WARN" && warned[0]["condition"] == "unguarded"
	}, startTimeout, 10*time.Millisecond)
}

// TestAProcessRefusesWhatItCouldNotTellRedis takes back a token while Redis is down. The route would let pass what may or may
// not be revoked.
func TestAProcessRefusesWhatItCouldNotTellRedis(t *testing.T) {
	server := miniredis.RunT(t)
	cfg := testConfig(echoUpstream(t))
	cfg.RedisURL, cfg.Denylist.OnUnavailable = config.SecretURL("redis://"+server.Addr()), gateway.Allow
	cfg.Denylist.MaxStaleness = 50 * time.Millisecond
	r := start(t, cfg)
	a := r.register()
	given, other := r.consent(a, 1, "balance:read"), r.consent(a, 2, "balance:read")
	require.Equal(t, http.StatusOK, r.balance(given.access).status)

	server.Close()
	require.Eventually(t, func() bool {
		return r.scrape()[`gatehouse_token_verifications_total{verdict="unguarded"}`] > 0 || r.balance(given.access).status != http.StatusOK
	}, startTimeout, 10*time.Millisecond)
	revoked := r.form("/oauth/revoke", url.Values{"token": {given.refresh}}, a.id, a.secret)
	require.Equal(t, http.StatusServiceUnavailable, revoked.status, "other gateways do not know")
	require.Equal(t, http.StatusUnauthorized, r.balance(given.access).status)
	require.Equal(t, http.StatusOK, r.balance(other.access).status)
}

// TestARevocationWaitsForTheGatewaysOfTheInstallation finds every gateway knowing when it is answered, without a moment's
// patience; and of a gateway that has gone without a word it says so.
func TestARevocationWaitsForTheGatewaysOfTheInstallation(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	var client *redis.Client
	cfg.RedisURL, client = ownRedis(t)
	cfg.Revocation.Wait = 5 * time.Second // or a busy machine decides
	authz := startRole(t, cfg, config.AuthzOnly)
	authz.awaitReady()
	gateways := []*running{
		startRole(t, gatewayConfig(cfg, authz), config.GatewayOnly), startRole(t, gatewayConfig(cfg, authz), config.GatewayOnly),
	}
	a := authz.register()
	for _, g := range gateways {
		g.awaitReady()
	}
	for user := range int64(10) {
		given := authz.consent(a, user+1, "balance:read")
		require.Equal(t, http.StatusOK, gateways[0].settled(given.access).status)
		revoked := authz.form("/oauth/revoke", url.Values{"token": {given.refresh}}, a.id, a.secret)
		require.Equal(t, http.StatusOK, revoked.status, revoked.body)
		require.Empty(t, revoked.header.Get("Unconfirmed-Gateways"))
		for _, g := range gateways {
			require.Equal(t, http.StatusUnauthorized, g.balance(given.access).status)
		}
	}
	require.Zero(t, authz.scrape()["gatehouse_revocations_unconfirmed_total"])
	require.EqualValues(t, 2, client.SCard(t.Context(), "{gh}:gateways").Val())

	cfg.Revocation.Wait = 20 * time.Millisecond
	hasty := startRole(t, cfg, config.AuthzOnly)
	require.NoError(t, client.SAdd(t.Context(), "{gh}:gateways", "gone").Err())
	require.NoError(t, client.Set(t.Context(), "{gh}:gateway:gone", "0-0", time.Minute).Err())
	done := hasty.do(http.MethodPost, hasty.admin+"/admin/revocations", strings.NewReader(`{"user":"1"}`), nil)
	require.Equal(t, http.StatusOK, done.status, done.body)
	require.GreaterOrEqual(t, done.json(t)["unconfirmed_gateways"], 1.0)
	require.NotZero(t, hasty.scrape()["gatehouse_revocations_unconfirmed_total"])
}
