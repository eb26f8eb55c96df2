package app_test

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

// scraped are the values of a scrape, by name and labels as they are written.
type scraped map[string]float64

func (r *running) scrape() scraped {
	r.t.Helper()
	a := r.do(http.MethodGet, r.admin+"/metrics", nil, nil)
	require.Equal(r.t, http.StatusOK, a.status, a.body)
	values := scraped{}
	for line := range strings.Lines(a.body) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cut := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[cut+1:]), 64)
		require.NoError(r.t, err, line)
		values[line[:cut]] = value
	}
	return values
}

// named are those values whose name and labels begin so.
func (s scraped) named(prefix string) scraped {
	found := scraped{}
	for name, value := range s {
		if strings.HasPrefix(name, prefix) {
			found[name] = value
		}
	}
	return found
}

func TestRequestsAreCounted(t *testing.T) {
	r := start(t, observedConfig(echoUpstream(t)))
	a := r.register()
	given := r.consent(a, 1, "balance:read invoices:read")
	r.exchange(a, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {given.refresh}})
	for range 3 {
		require.Equal(t, http.StatusOK, r.balance(given.access).status)
	}
	require.Equal(t, http.StatusUnauthorized, r.balance("garbage").status)
	for _, hash := range []string{"1", "2", "3"} {
		r.do(http.MethodGet, r.public+"/invoices/"+hash, nil, bearer(given.access))
		r.do(http.MethodGet, r.public+"/nowhere/"+hash, nil, nil)
		r.do("M"+hash, r.public+"/balance", nil, nil)
		r.do(http.MethodDelete, r.public+"/clients/"+hash, nil, nil)
	}
	require.Equal(t, http.StatusForbidden, r.do(http.MethodPost, r.public+"/payments/bolt11", nil, bearer(given.access)).status)
	r.sendRaw("nonsense\r\n\r\n")

	seen := r.scrape()
	require.Equal(t, scraped{
		`gatehouse_http_requests_total{method="POST",route="/oauth/authorize",status="3xx"}`:        1,
		`gatehouse_http_requests_total{method="POST",route="/oauth/token",status="2xx"}`:            2,
		`gatehouse_http_requests_total{method="GET",route="/balance",status="2xx"}`:                 3,
		`gatehouse_http_requests_total{method="GET",route="/balance",status="4xx"}`:                 1,
		`gatehouse_http_requests_total{method="GET",route="/invoices/{payment_hash}",status="2xx"}`: 3,
		`gatehouse_http_requests_total{method="GET",route="none",status="4xx"}`:                     3 + 1,
		`gatehouse_http_requests_total{method="other",route="none",status="4xx"}`:                   3,
		`gatehouse_http_requests_total{method="DELETE",route="/clients/{clientId}",status="4xx"}`:   3,
		`gatehouse_http_requests_total{method="POST",route="/payments/bolt11",status="4xx"}`:        1,
	}, seen.named("gatehouse_http_requests_total"))
	require.EqualValues(t, 3, seen[`gatehouse_http_request_duration_seconds_count{method="GET",route="/balance",status="2xx"}`])
	require.EqualValues(t, 3, seen[`gatehouse_http_request_duration_seconds_bucket{method="GET",route="/balance",status="2xx",le="+Inf"}`])
	require.Positive(t, seen[`gatehouse_http_request_duration_seconds_sum{method="GET",route="/balance",status="2xx"}`])

	verdicts := seen.named("gatehouse_token_verifications_total")
	require.EqualValues(t, 6, verdicts[`gatehouse_token_verifications_total{verdict="valid"}`])
	require.EqualValues(t, 1, verdicts[`gatehouse_token_verifications_total{verdict="malformed"}`])
	require.EqualValues(t, 1, verdicts[`gatehouse_token_verifications_total{verdict="insufficient_scope"}`])
	require.Contains(t, verdicts, `gatehouse_token_verifications_total{verdict="revoked"}`, "zero before the first, so that it can be seen to rise")
	require.NotContains(t, verdicts, `gatehouse_token_verifications_total{verdict="unjudged"}`)

	require.Equal(t, scraped{
		`gatehouse_tokens_issued_total{grant_type="authorization_code"}`: 1,
		`gatehouse_tokens_issued_total{grant_type="refresh_token"}`:      1,
		`gatehouse_tokens_issued_total{grant_type="client_credentials"}`: 0,
	}, seen.named("gatehouse_tokens_issued_total"))
}

func TestUpstreamErrorsAreCountedByRoute(t *testing.T) {
	r := start(t, testConfig("http://127.0.0.1:1"))
	token := r.consent(r.register(), 1, "balance:read").access
	require.Equal(t, http.StatusBadGateway, r.balance(token).status)
	seen := r.scrape()
	require.EqualValues(t, 1, seen[`gatehouse_upstream_errors_total{kind="unreachable",route="/balance"}`])
	require.Contains(t, seen, `gatehouse_upstream_errors_total{kind="too_slow",route="/payments/bolt11"}`)
	require.EqualValues(t, 1, seen[`gatehouse_http_requests_total{method="GET",route="/balance",status="5xx"}`])
}

func TestTheTokenCacheIsCounted(t *testing.T) {
	for name, test := range map[string]struct {
		size int
		want scraped
	}{
		"on": {10, scraped{
			"gatehouse_token_cache_hits_total": 2, "gatehouse_token_cache_misses_total": 2, "gatehouse_token_cache_entries": 1,
		}},
		"off": {0, scraped{}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(echoUpstream(t))
			cfg.TokenCache.Size = test.size
			r := start(t, cfg)
			token := r.consent(r.register(), 1, "balance:read").access
			for range 3 {
				require.Equal(t, http.StatusOK, r.balance(token).status)
			}
			require.Equal(t, http.StatusUnauthorized, r.balance(token[:len(token)-9]+"AAAAAAAAA").status)
			require.Equal(t, test.want, r.scrape().named("gatehouse_token_cache"))
		})
	}
}

func TestTheStateOfThePartsIsShown(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.DatabaseURL, cfg.RedisURL, cfg.DatabaseMaxConns = privateDatabase(t), privateRedis(t), 3
	cfg.Denylist.MaxStaleness = time.Hour // nothing but the first load can make it fresh
	r := start(t, cfg)
	a := r.register()
	given := r.consent(a, 1, "balance:read")
	require.Equal(t, http.StatusOK, r.form("/oauth/revoke", url.Values{"token": {given.refresh}}, a.id, a.secret).status)

	seen := r.scrape()
	require.EqualValues(t, 1, seen[`gatehouse_denylist_mode{mode="mirror"}`])
	require.EqualValues(t, 0, seen[`gatehouse_denylist_mode{mode="strict"}`])
	require.EqualValues(t, 1, seen["gatehouse_denylist_entries"])
	require.EqualValues(t, 1, seen["gatehouse_denylist_loads_total"])
	require.Less(t, seen["gatehouse_denylist_staleness_seconds"], startTimeout.Seconds())
	require.Contains(t, seen, "gatehouse_denylist_feed_lag_seconds")
	require.NotContains(t, seen, "gatehouse_jwks_age_seconds", "it has the keys themselves")
	require.Positive(t, seen[`gatehouse_redis_connections{pool="write"}`])
	require.Contains(t, seen, `gatehouse_redis_pool_timeouts_total{pool="check"}`)
	require.EqualValues(t, 3, seen["gatehouse_database_connections_max"])
	require.Positive(t, seen[`gatehouse_database_connections{state="idle"}`]+seen[`gatehouse_database_connections{state="used"}`])
	require.Contains(t, seen, "gatehouse_database_waits_total")
	require.Len(t, seen.named("gatehouse_build_info{"), 1)
	require.Positive(t, seen["go_goroutines"])
	require.Positive(t, seen["process_resident_memory_bytes"])
}

func TestAGatewayOnItsOwnShowsHowOldItsKeysAre(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.RedisURL, cfg.Denylist.Mode = privateRedis(t), config.Strict
	lost := cfg
	lost.Keys.JWKSURL = "http://127.0.0.1:1/jwks.json"
	seen := startRole(t, lost, config.GatewayOnly).scrape()
	require.True(t, math.IsInf(seen["gatehouse_jwks_age_seconds"], 1), "it has none")
	require.EqualValues(t, 1, seen[`gatehouse_denylist_mode{mode="strict"}`])
	require.Empty(t, seen.named("gatehouse_database"))
	require.Empty(t, seen.named("gatehouse_denylist_entries"), "there is no mirror")

	authz := startRole(t, cfg, config.AuthzOnly)
	authz.awaitReady()
	require.Empty(t, authz.scrape().named("gatehouse_token_verifications_total"))
	require.Empty(t, authz.scrape().named("gatehouse_denylist_mode"), "it asks nothing of the denylist")
	gateway := startRole(t, gatewayConfig(cfg, authz), config.GatewayOnly)
	gateway.awaitReady()
	require.Less(t, gateway.scrape()["gatehouse_jwks_age_seconds"], startTimeout.Seconds())
}

func TestAMirrorThatCannotKeepUpIsSeen(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.RedisURL = "redis://127.0.0.1:1/0"
	seen := startRole(t, cfg, config.Both).scrape()
	require.EqualValues(t, 0, seen[`gatehouse_denylist_mode{mode="mirror"}`])
	require.EqualValues(t, 1, seen[`gatehouse_denylist_mode{mode="strict"}`])
	require.True(t, math.IsInf(seen["gatehouse_denylist_staleness_seconds"], 1))
}

func TestReplaysOfRefreshTokensAreCounted(t *testing.T) {
	r := start(t, testConfig(echoUpstream(t)))
	a := r.register()
	given := r.consent(a, 1, "balance:read")
	for used := range 3 {
		require.EqualValues(t, max(0, used-1), r.scrape()["gatehouse_refresh_token_replays_total"])
		again := r.form("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {given.refresh}}, a.id, a.secret)
		require.Equal(t, http.StatusOK, again.status, again.body)
	}
	require.EqualValues(t, 2, r.scrape()["gatehouse_refresh_token_replays_total"])
}
