package app_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

// forwarded are the fields that reached the echoing upstream.
func (a answer) forwarded(t *testing.T) http.Header {
	t.Helper()
	var sent struct{ Header http.Header }
	require.NoError(t, json.Unmarshal([]byte(a.body), &sent), a.body)
	return sent.Header
}

// TestTheWayToUpstreamsIsAsConfigured: the name in Via, and what a trusted proxy may tell besides the usual fields.
func TestTheWayToUpstreamsIsAsConfigured(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.TrustedProxies, cfg.TrustedProxyHeaders = []string{"127.0.0.1"}, []string{"CF-Connecting-IP"}
	for name, want := range map[string][]string{"edge-1": {"1.1 edge-1"}, "": nil} {
		t.Run("via "+name, func(t *testing.T) {
			cfg.Via = name
			r := start(t, cfg)
			header := bearer(r.consent(r.register(), 1, "balance:read").access)
			header["CF-Connecting-IP"], header["True-Client-IP"] = []string{"192.0.2.1"}, []string{"192.0.2.2"}
			passed := r.do(http.MethodGet, r.public+"/balance", nil, header).forwarded(t)
			require.Equal(t, want, passed["Via"])
			require.Equal(t, "192.0.2.1", passed.Get("CF-Connecting-IP"))
			require.Empty(t, passed.Get("True-Client-IP"))
		})
	}
}

// TestGrantsAreAsConfigured: how many of them a user has, how many tokens of each are revoked one by one, how often a refresh
// token is good, and how a code is bound.
func TestGrantsAreAsConfigured(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.Grants = config.Grants{MaxPerClient: 1, MaxRevokedTokens: 1}
	cfg.RefreshToken.Grace = 0
	cfg.PKCE.Plain = false
	r := start(t, cfg)
	a := r.register()
	refreshed := func(of tokens) answer {
		return r.form("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {of.refresh}}, a.id, a.secret)
	}
	revoke := func(of tokens) {
		require.Equal(t, http.StatusOK, r.form("/oauth/revoke", url.Values{"token": {of.access}}, a.id, a.secret).status)
	}

	replaced, given := r.consent(a, 1, "balance:read"), r.consent(a, 1, "balance:read")
	require.Contains(t, refreshed(replaced).body, "invalid_grant", "max_per_client")
	revoke(given)
	given = r.exchange(a, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {given.refresh}})
	revoke(given)
	require.Contains(t, refreshed(given).body, "invalid_grant", "max_revoked_tokens")

	given = r.consent(a, 2, "balance:read")
	require.Equal(t, http.StatusOK, refreshed(given).status)
	require.Contains(t, refreshed(given).body, "invalid_grant", "grace")

	authorize := url.Values{
		"client_id": {a.id}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {"balance:read"},
		"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"plain"},
	}
	plain := r.do(http.MethodPost, r.public+"/oauth/authorize?"+authorize.Encode(), nil, bearer(userJWT(t, 1)))
	require.Contains(t, plain.header.Get("Location"), "error=invalid_request", "pkce.plain")
}

// TestAQuestionMayTakeAsLongAsConfigured has a Redis that is slow for a second.
func TestAQuestionMayTakeAsLongAsConfigured(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	url, client := ownRedis(t)
	cfg.RedisURL, cfg.Denylist.Mode, cfg.Denylist.Timeout = url, config.Strict, 5*time.Second // of which an answer has half
	r := start(t, cfg)
	token := r.consent(r.register(), 1, "balance:read").access
	require.Equal(t, http.StatusOK, r.balance(token).status)
	require.NoError(t, client.Do(t.Context(), "CLIENT", "PAUSE", "1000", "ALL").Err())
	require.Equal(t, http.StatusOK, r.balance(token).status)
}
