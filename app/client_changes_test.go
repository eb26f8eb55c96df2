package app_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/authz/client"
)

// A client that is changed at one authorization server is what it is then at every other, sooner than that would have read it again.
func TestAChangedClientIsToldToTheOthers(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.RedisURL, cfg.DatabaseURL = privateRedis(t), sqliteFile(t)
	here, there := startRole(t, cfg, config.AuthzOnly), startRole(t, cfg, config.AuthzOnly)
	here.awaitReady()
	there.awaitReady()
	isGood := func(a application) bool {
		answered := there.form("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"none"}}, a.id, a.secret)
		switch answered.json(t)["error"] {
		case "invalid_grant":
			return true
		case "invalid_client":
			return false
		}
		require.Fail(t, "neither good nor bad", answered.body)
		return false
	}
	for range 5 { // the machine may stand still
		a, before := here.register(), time.Now() // it is read after that
		require.True(t, isGood(a))
		changed := here.do(http.MethodPost, here.admin+"/admin/clients/"+a.id+"/secret", nil, nil)
		require.Equal(t, http.StatusOK, changed.status, changed.body)
		for isGood(a) {
			time.Sleep(time.Millisecond)
		}
		if time.Since(before) < client.Staleness {
			return
		}
	}
	require.Fail(t, "it was believed as long as if nothing had been told")
}
