package app_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/authz/oauth2server"
	"gatehouse/authz/oauth2server/sourcetest"
	"gatehouse/denylist"
)

// The tokens of the user 214 at the application, as oauth2server makes them.
const (
	importedAccess  = "OTM5NWVHZWQTZMQXMC0ZMTJJLWI5ODQTODBIZTIZYTA5ZTQ0"
	importedRefresh = "ZWJJNDFKMJATNTBLNS01MTY3LTKZOWUTN2FLYJUXMJHHYZJI"
	otherAccess     = "YJEWOWUYOTCTZTK5OC0ZYJVILWFIOTITNTGYMZM2YMI0ODLI"
	otherRefresh    = "NJBJZTDLNJGTOGZINS01N2YZLTG5YWUTMTDIZTAXNZCYZTGW"
)

var (
	imported = application{"DbOXXA5KAQ", "dpgtgMmjAIjX0LZT6QFY"}
	another  = application{"zLNoi3zn2o", "AyNUuB5U52S411VtmDQZ"}
)

// oauth2serverDatabase is oauth2server's database with an application that two users have allowed something.
func oauth2serverDatabase(t *testing.T) *sourcetest.Database {
	t.Helper()
	source := sourcetest.New(t)
	for _, a := range []application{imported, another} {
		source.AddClient(sourcetest.Client{ID: a.id, Secret: a.secret, Domain: "http://localhost:9999", Name: "App"})
	}
	source.AddClient(sourcetest.Client{ID: "09ck1j9uJS", Domain: "http://localhost:9999", Name: "Public"})
	const day = 24 * time.Hour
	token := sourcetest.Token{
		Client: imported.id, User: "214", Redirect: callback, Scope: "balance:read", Access: importedAccess, Refresh: importedRefresh,
		AccessFor: 2 * time.Hour, RefreshFor: 30 * day,
	}
	source.AddToken(token)
	token.User, token.Access, token.Refresh = "215", otherAccess, otherRefresh
	source.AddToken(token)
	token.Client, token.User, token.Access, token.Refresh = "09ck1j9uJS", "216", "PUBLICACCESS", "PUBLICREFRESH"
	source.AddToken(token)
	return source
}

// takeOver imports what the source has.
func takeOver(t *testing.T, cfg config.Config, source *sourcetest.Database) admin.ImportReport {
	t.Helper()
	require.NoError(t, app.Migrate(t.Context(), cfg, func(string) {}))
	operator, closeAll, err := app.Operate(t.Context(), cfg, config.Needs{Bulk: true}, "test", nil)
	require.NoError(t, err)
	from, err := oauth2server.Open(t.Context(), source.URL)
	require.NoError(t, err)
	report, err := operator.ImportOAuth2Server(t.Context(), from, admin.ImportRun{})
	require.NoError(t, err)
	require.NoError(t, from.Close())
	require.NoError(t, closeAll())
	return report
}

// TestARefreshTokenThatWasTakenOverWorksOnce, from an application that notices nothing: it sends its parameters in the query,
// with an empty body, as the Alby SDK does.
func TestARefreshTokenThatWasTakenOverWorksOnce(t *testing.T) {
	forEachBackend(t, func(t *testing.T, cfg config.Config) {
		cfg.RefreshToken.Grace = 0
		takeOver(t, cfg, oauth2serverDatabase(t))
		r := start(t, cfg)
		refresh := func(token, id, secret string) answer {
			query := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {id}}
			basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
			return r.do(http.MethodPost, r.public+"/oauth/token?"+query.Encode(), nil, http.Header{"Authorization": {basic}})
		}
		require.Equal(t, http.StatusUnauthorized, refresh(importedRefresh, imported.id, "wrong").status)
		require.Equal(t, http.StatusBadRequest, refresh(importedRefresh, another.id, another.secret).status, "of another client")
		require.Equal(t, http.StatusBadRequest, refresh(strings.ToLower(importedRefresh), imported.id, imported.secret).status)

		first := refresh(importedRefresh, imported.id, imported.secret)
		require.Equal(t, http.StatusOK, first.status, first.body)
		fields := first.json(t)
		require.Equal(t, "balance:read", fields["scope"])
		access, successor := fields["access_token"].(string), fields["refresh_token"].(string)
		require.Len(t, successor, 43, "an ordinary refresh token")
		require.Equal(t, http.StatusOK, r.settled(access).status)
		connections := r.do(http.MethodGet, r.public+"/clients", nil, bearer(userJWT(t, 214)))
		require.Contains(t, connections.body, imported.id)

		second := refresh(successor, imported.id, imported.secret)
		require.Equal(t, http.StatusOK, second.status, second.body)
		require.Equal(t, http.StatusOK, refresh("PUBLICREFRESH", "09ck1j9uJS", "").status)

		require.Equal(t, http.StatusBadRequest, refresh(importedRefresh, imported.id, imported.secret).status, "who uses it again is a thief")
		third := second.json(t)["refresh_token"].(string)
		require.Equal(t, http.StatusBadRequest, refresh(third, imported.id, imported.secret).status, "and ends the grant")
		require.Eventually(t, func() bool { return r.settled(access).status == http.StatusUnauthorized }, startTimeout, time.Millisecond)
	})
}

// TestAnOpaqueTokenThatWasTakenOver works at a gateway that has no database, while the authorization server is stopped, until
// it expires or is taken back.
func TestAnOpaqueTokenThatWasTakenOver(t *testing.T) {
	for _, mode := range []string{config.Mirror, config.Strict} {
		t.Run(mode, func(t *testing.T) {
			cfg := testConfig(echoUpstream(t))
			cfg.RedisURL, cfg.DatabaseURL = privateRedis(t), sqliteFile(t)
			cfg.Denylist.Mode, cfg.Import.OpaqueTokens = mode, true
			source := oauth2serverDatabase(t)
			require.Equal(t, 3, takeOver(t, cfg, source).AccessTokens)
			server := startRole(t, cfg, config.AuthzOnly)
			server.awaitReady()
			gateway := startRole(t, gatewayConfig(cfg, server), config.GatewayOnly)
			gateway.awaitReady()

			forwarded := gateway.settled(importedAccess)
			require.Equal(t, http.StatusOK, forwarded.status, forwarded.body)
			require.Equal(t, http.StatusUnauthorized, gateway.settled("A"+importedAccess[1:]).status)
			require.Equal(t, http.StatusUnauthorized, gateway.settled(importedRefresh).status)

			whole := server.form("/oauth/introspect", url.Values{"token": {importedAccess}}, another.id, another.secret).json(t)
			require.Equal(t, true, whole["active"])
			require.Equal(t, "214", whole["sub"])
			require.Equal(t, imported.id, whole["client_id"])
			require.Equal(t, "balance:read", whole["scope"])
			own := server.do(http.MethodGet, server.public+"/oauth/token/introspect", nil, bearer(importedAccess))
			require.Equal(t, http.StatusOK, own.status)
			require.Equal(t, callback, own.json(t)["redirect_uri"])

			require.Equal(t, http.StatusBadRequest, server.form("/oauth/revoke", url.Values{"token": {importedAccess}}, another.id, another.secret).status)
			revoked := server.form("/oauth/revoke", url.Values{"token": {importedAccess}}, imported.id, imported.secret)
			require.Equal(t, http.StatusOK, revoked.status, revoked.body)
			require.Eventually(t, func() bool { return gateway.settled(importedAccess).status == http.StatusUnauthorized }, startTimeout, time.Millisecond)
			gone := server.form("/oauth/introspect", url.Values{"token": {importedAccess}}, another.id, another.secret)
			require.Equal(t, map[string]any{"active": false}, gone.json(t))
			require.Equal(t, http.StatusOK, gateway.settled(otherAccess).status, "another user's")

			ended := server.form("/oauth/revoke", url.Values{"token": {otherRefresh}}, imported.id, imported.secret)
			require.Equal(t, http.StatusOK, ended.status, "the whole grant, by its refresh token")
			require.Eventually(t, func() bool { return gateway.settled(otherAccess).status == http.StatusUnauthorized }, startTimeout, time.Millisecond)

			server.stop() // and with it whatever could ask the database
			require.Equal(t, http.StatusOK, gateway.settled("PUBLICACCESS").status, "without an authorization server and its database")
		})
	}
}

// TestOpaqueTokensThatRedisLost are unknown, not invalid, until they are written again.
func TestOpaqueTokensThatRedisLost(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.RedisURL, cfg.DatabaseURL = privateRedis(t), sqliteFile(t)
	cfg.Import.OpaqueTokens, cfg.TokenCache.Size = true, 0
	source := oauth2serverDatabase(t)
	takeOver(t, cfg, source)
	r := start(t, cfg)
	require.Equal(t, http.StatusOK, r.settled(importedAccess).status)

	options, err := redis.ParseURL(cfg.RedisURL.Reveal())
	require.NoError(t, err)
	client := redis.NewClient(options)
	defer func() { require.NoError(t, client.Close()) }()
	require.NoError(t, client.FlushDB(t.Context()).Err())
	for deadline := time.Now().Add(startTimeout); ; {
		status := r.balance(importedAccess).status
		require.NotEqual(t, http.StatusUnauthorized, status, "its client would throw the refresh token away")
		if status == http.StatusOK {
			break
		}
		require.True(t, time.Now().Before(deadline), "they were not written again")
	}

	source.AddToken(sourcetest.Token{
		Client: imported.id, User: "217", Scope: "balance:read", Access: "LATERACCESS", Refresh: "LATERREFRESH", AccessFor: time.Hour, RefreshFor: 48 * time.Hour,
	})
	require.Equal(t, 1, takeOver(t, cfg, source).Grants)
	require.Eventually(t, func() bool { return r.settled("LATERACCESS").status == http.StatusOK }, startTimeout, time.Millisecond,
		"what comes while servers run is told to gateways")
}

// TestOpaqueTokensAreOffByDefault: they are nothing here, and a later change of mind needs no other import.
func TestOpaqueTokensAreOffByDefault(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.RedisURL, cfg.DatabaseURL = privateRedis(t), sqliteFile(t)
	takeOver(t, cfg, oauth2serverDatabase(t))
	r := start(t, cfg)
	require.Equal(t, http.StatusUnauthorized, r.balance(importedAccess).status)
	require.Equal(t, map[string]any{"active": false},
		r.form("/oauth/introspect", url.Values{"token": {importedAccess}}, another.id, another.secret).json(t))
	store, err := denylist.Connect(cfg.RedisURL.Reveal())
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	_, complete, err := store.OpaqueEpoch(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	require.False(t, complete, "nothing was written")
	r.stop()

	cfg.Import.OpaqueTokens = true
	r = start(t, cfg)
	require.Equal(t, http.StatusOK, r.settled(importedAccess).status)
}
