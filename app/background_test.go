package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

func TestKeysRotateWhileItServes(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.ClockLeeway, cfg.AccessToken.Lifespan, cfg.AccessToken.MaxLifespan = 0, time.Minute, time.Minute
	cfg.Keys.JWKSMaxAge, cfg.Keys.JWKSRefresh = time.Second, time.Second
	cfg.Keys.PublishAhead, cfg.Keys.RotateEvery = 3*time.Second, 3*time.Second+time.Millisecond
	r := start(t, cfg)
	a := r.register()
	before := r.consent(a, 1, "balance:read").access
	var after string
	user := int64(1)
	require.Eventually(t, func() bool {
		user++ // one user's grants are bounded: the first would end
		after = r.consent(a, user, "balance:read").access
		return header(t, after)["kid"] != header(t, before)["kid"]
	}, startTimeout, 50*time.Millisecond, "the schedule has not replaced the key")
	for _, token := range []string{before, after} {
		require.Equal(t, http.StatusOK, r.balance(token).status)
	}
	jwks := r.do(http.MethodGet, r.public+"/.well-known/jwks.json", nil, nil)
	require.Equal(t, "public, max-age=1", jwks.header.Get("Cache-Control"))
}

func TestWhatHasExpiredIsRemovedWhileItServes(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.DatabaseURL = sqliteFile(t)
	longAgo := time.Now().Add(-48 * time.Hour)
	then, err := registry.Open(t.Context(), cfg.DatabaseURL.Reveal(), registry.WithNow(func() time.Time { return longAgo }))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, then.Close()) })
	require.NoError(t, then.Migrate(t.Context()))
	require.NoError(t, then.RevokeToken(t.Context(), "expired", longAgo.Add(time.Hour)))
	known := func() int {
		revocations, err := then.LiveRevocations(t.Context(), registry.Revocation{}, 10)
		require.NoError(t, err)
		return len(revocations)
	}
	require.Equal(t, 1, known(), "at that time it was live")

	start(t, cfg)
	require.Eventually(t, func() bool { return known() == 0 }, startTimeout, 10*time.Millisecond)
}
