package app_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

// lastUsedOn is what the user is told of the one application that has access.
func (r *running) lastUsedOn(user int64) string {
	r.t.Helper()
	listed := r.do(http.MethodGet, r.public+"/clients", nil, bearer(userJWT(r.t, user)))
	require.Equal(r.t, http.StatusOK, listed.status, listed.body)
	var connections []struct {
		LastUsedOn *string `json:"lastUsedOn"`
	}
	require.NoError(r.t, json.Unmarshal([]byte(listed.body), &connections))
	require.Len(r.t, connections, 1, listed.body)
	if connections[0].LastUsedOn == nil {
		return "not yet"
	}
	return *connections[0].LastUsedOn
}

func (r *running) awaitLastUsedOn(user int64, day string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.lastUsedOn(user) == day }, startTimeout, 10*time.Millisecond, "user %d", user)
}

// TestWhatGatewaysLetPassIsALastUse: two gateways report it when they stop, if not before, and the authorization server whose turn
// it is records it for both.
func TestWhatGatewaysLetPassIsALastUse(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.DatabaseURL, cfg.RedisURL = privateDatabase(t), privateRedis(t)
	first := startRole(t, cfg, config.AuthzOnly)
	first.awaitReady()
	gateways := []*running{
		startRole(t, gatewayConfig(cfg, first), config.GatewayOnly), startRole(t, gatewayConfig(cfg, first), config.GatewayOnly),
	}
	for _, gateway := range gateways {
		gateway.awaitReady()
	}
	a := first.register()
	given := []tokens{first.consent(a, 1, "balance:read"), first.consent(a, 2, "balance:read"), first.consent(a, 3, "balance:read")}
	today := time.Now().UTC().Format(time.DateOnly)
	require.Equal(t, today, first.lastUsedOn(1), "a code was redeemed")

	db, err := sql.Open("pgx", cfg.DatabaseURL.Reveal())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), "UPDATE gatehouse.grants SET last_used_on = CASE WHEN subject = '1' THEN date '2020-02-03' END")
	require.NoError(t, err)
	require.Equal(t, []string{"2020-02-03", "not yet"}, []string{first.lastUsedOn(1), first.lastUsedOn(2)})
	for user, gateway := range gateways {
		for range 3 {
			require.Equal(t, http.StatusOK, gateway.settled(given[user].access).status)
		}
	}
	refused := gateways[0].do(http.MethodPost, gateways[0].public+"/payments/bolt11", nil, bearer(given[2].access))
	require.Equal(t, http.StatusForbidden, refused.status)
	for _, gateway := range gateways {
		gateway.stop()
	}
	require.NotEqual(t, today, first.lastUsedOn(1), "no request is worth a write")

	options, err := redis.ParseURL(cfg.RedisURL.Reveal())
	require.NoError(t, err)
	client := redis.NewClient(options)
	defer func() { require.NoError(t, client.Close()) }()
	require.NoError(t, client.Del(t.Context(), "{gh}:uses:turn").Err()) // a minute has gone by
	second := startRole(t, cfg, config.AuthzOnly)
	for _, authz := range []*running{first, second} {
		authz.awaitLastUsedOn(1, time.Now().UTC().Format(time.DateOnly))
		authz.awaitLastUsedOn(2, time.Now().UTC().Format(time.DateOnly))
		require.Equal(t, "not yet", authz.lastUsedOn(3), "it was refused")
	}
	require.Zero(t, client.Exists(t.Context(), "{gh}:uses").Val())
}

// TestAUseWithoutRedisIsReportedLater: the gateway goes on from memory, and so does what it has to report.
func TestAUseWithoutRedisIsReportedLater(t *testing.T) {
	server := miniredis.RunT(t)
	cfg := testConfig(echoUpstream(t))
	cfg.DatabaseURL, cfg.RedisURL = sqliteFile(t), config.SecretURL("redis://"+server.Addr())
	server.Server().SetPreHook(tellsWhoItIs)
	before := start(t, cfg)
	given := before.consent(before.register(), 1, "balance:read")
	db, err := sql.Open("sqlite", cfg.DatabaseURL.Reveal()[len("sqlite:"):])
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), "UPDATE grants SET last_used_on = NULL")
	require.NoError(t, err)

	server.Close()
	require.Equal(t, http.StatusOK, before.balance(given.access).status)
	require.NoError(t, server.Restart())
	server.Server().SetPreHook(tellsWhoItIs)
	before.stop()
	server.Del("{gh}:uses:turn") // a minute has gone by
	start(t, cfg).awaitLastUsedOn(1, time.Now().UTC().Format(time.DateOnly))
}
