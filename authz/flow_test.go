package authz_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"gatehouse/authz"
)

func TestTheWholeFlow(t *testing.T) {
	w := newWorld(t)

	a := w.post("/oauth/authorize", authorization("app", "state", "s-t a+te"))
	require.Equal(t, http.StatusFound, a.StatusCode, a.text)
	location, err := a.Location()
	require.NoError(t, err)
	require.Equal(t, "localhost:8080", location.Host)
	require.Equal(t, "s-t a+te", location.Query().Get("state"))
	require.Equal(t, w.url, location.Query().Get("iss"))
	require.Equal(t, []string{"code", "iss", "state"}, slices.Sorted(maps.Keys(location.Query())))

	first := w.redeem(location.Query().Get("code"))
	require.Equal(t, http.StatusOK, first.StatusCode, first.text)
	require.Equal(t, "no-store", first.Header.Get("Cache-Control"))
	require.Equal(t, []string{"access_token", "expires_in", "refresh_token", "scope", "token_type"}, slices.Sorted(maps.Keys(first.json)))
	require.Equal(t, "Bearer", first.str("token_type"))
	require.Equal(t, "balance:read invoices:create", first.str("scope"))
	require.EqualValues(t, 7200, first.json["expires_in"])
	require.NoError(t, w.denied(first.str("access_token")))

	second := w.refresh(first.str("refresh_token"))
	require.Equal(t, http.StatusOK, second.StatusCode, second.text)
	require.NotEqual(t, first.str("refresh_token"), second.str("refresh_token"))
	require.NoError(t, w.denied(first.str("access_token")), "a refresh revokes nothing")

	a = w.post("/oauth/revoke", form("token", second.str("refresh_token")), basic("app", appSecret))
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	w.requireDenied(first.str("access_token"))
	w.requireDenied(second.str("access_token"))
	w.requireError(w.refresh(second.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func TestAccessTokensAreThoseOfRFC9068(t *testing.T) {
	w := newWorld(t)
	a := w.tokens()
	token := a.str("access_token")

	kid := w.keys.Signing().ID()
	require.Equal(t, map[string]any{"typ": "at+jwt", "alg": "ES256", "kid": kid}, decodePart(t, token, 0))
	claims := decodePart(t, token, 1)
	require.NotEmpty(t, claims["jti"])
	require.NotEmpty(t, claims["grant_id"])
	jti, grantID := claims["jti"], claims["grant_id"]
	delete(claims, "jti")
	delete(claims, "grant_id")
	now := w.clock.Now().Unix()
	require.Equal(t, map[string]any{
		"iss": w.url, "sub": subject, "aud": []any{w.url}, "client_id": "app", "scope": "balance:read invoices:create",
		"iat": float64(now), "exp": float64(now + 7200),
	}, claims)

	w.clock.Advance(time.Minute)
	next := decodePart(t, w.refresh(a.str("refresh_token")).str("access_token"), 1)
	require.Equal(t, grantID, next["grant_id"])
	require.NotEqual(t, jti, next["jti"], "every token has a jti of its own")
	require.EqualValues(t, now+60, next["iat"])
	require.EqualValues(t, now+60+7200, next["exp"])
}

func TestClientCredentialsTokensAreAboutTheClientAlone(t *testing.T) {
	w := newWorld(t)
	a := w.post("/oauth/token", form("grant_type", "client_credentials", "scope", "balance:read"), basic("service", appSecret))
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	require.NotContains(t, a.json, "refresh_token")
	claims := decodePart(t, a.str("access_token"), 1)
	require.Equal(t, "service", claims["sub"])
	require.Equal(t, "service", claims["client_id"])
	require.NotContains(t, claims, "grant_id")
}

func TestTheTokenFollowsTheRingToANewKey(t *testing.T) {
	w := newWorld(t)
	before := w.tokens().str("access_token")
	for _, alg := range []string{"RS256", "EdDSA"} {
		key := generate(t, alg)
		require.NoError(t, w.keys.Replace(key, w.keys.Signing()))
		w.claims(before) // still verifies
		before = w.tokens().str("access_token")
		require.Equal(t, map[string]any{"typ": "at+jwt", "alg": alg, "kid": key.ID()}, decodePart(t, before, 0))
	}
}

func TestExpiresInSetsTheLifeOfEveryAccessTokenOfTheGrant(t *testing.T) {
	w := newWorld(t)
	const maximum = 8760 * 3600
	for asked, granted := range map[string]float64{
		"60": 60, "100000": 100000,
		"185715992":                     maximum, // oauth2server's README
		"99999999999999999":             maximum, // more than a time.Duration holds
		"99999999999999999999999999999": maximum,
	} {
		a := w.tokens("expires_in", asked)
		require.EqualValues(t, granted, a.json["expires_in"], asked)
		require.EqualValues(t, granted, w.refresh(a.str("refresh_token")).json["expires_in"], asked)
	}
}

func TestAMaximumThatWasLoweredHoldsForEarlierGrants(t *testing.T) {
	w := newWorld(t)
	code := w.code("app", "expires_in", "100000")
	w.config.MaxAccessLifespan = 3 * time.Hour
	lowered, err := authz.New(w.config)
	require.NoError(t, err)
	restarted := httptest.NewServer(lowered.Public())
	defer restarted.Close()
	w.url = restarted.URL
	require.EqualValues(t, 3*3600, w.redeem(code).json["expires_in"])
}

func TestTheAlbySDKSendsTheTokenRequestInTheQuery(t *testing.T) {
	w := newWorld(t)
	verifier := strings.Repeat("0123456789abcdef", 8) // 64 bytes as hex
	for name, test := range map[string]struct{ client, redirect, secret string }{
		"confidential":       {"app", callback, appSecret},
		"public":             {"spa", callback + "/spa", ""},
		"public, undefined":  {"spa", callback + "/spa", "undefined"},
		"confidential again": {"app", callback, appSecret},
	} {
		t.Run(name, func(t *testing.T) {
			code := w.code(test.client, "redirect_uri", test.redirect, "code_challenge", s256(verifier), "code_challenge_method", "S256")
			query := redemption(code, "redirect_uri", test.redirect, "code_verifier", verifier, "client_id", test.client)
			a := w.post("/oauth/token?"+query.Encode(), nil, basic(test.client, test.secret))
			require.Equal(t, http.StatusOK, a.StatusCode, a.text)
			a = w.post("/oauth/token?"+refreshing(a.str("refresh_token"), "client_id", test.client).Encode(), nil, basic(test.client, test.secret))
			require.Equal(t, http.StatusOK, a.StatusCode, a.text)
		})
	}
}

func TestGoOAuth2IsAClient(t *testing.T) {
	w := newWorld(t)
	config := oauth2.Config{
		ClientID: "app", ClientSecret: appSecret, RedirectURL: callback, Scopes: []string{"balance:read"},
		Endpoint: oauth2.Endpoint{AuthURL: w.url + "/oauth/authorize", TokenURL: w.url + "/oauth/token"},
	}
	verifier := oauth2.GenerateVerifier()
	authURL := config.AuthCodeURL("some-state", oauth2.S256ChallengeOption(verifier))
	a := w.do(http.MethodPost, authURL, "application/x-www-form-urlencoded", strings.NewReader(form("login", "login", "password", "password").Encode()))
	location, err := a.Location()
	require.NoError(t, err)

	token, err := config.Exchange(t.Context(), location.Query().Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(t, err)
	require.True(t, token.Type() == "Bearer" && token.AccessToken != "" && token.RefreshToken != "")
	token.Expiry = time.Unix(1, 0)
	refreshed, err := config.TokenSource(t.Context(), token).Token()
	require.NoError(t, err)
	require.NotEqual(t, token.AccessToken, refreshed.AccessToken)

	service := clientcredentials.Config{
		ClientID: "service", ClientSecret: appSecret, TokenURL: w.url + "/oauth/token", Scopes: []string{"payments:send"},
		AuthStyle: oauth2.AuthStyleInParams,
	}
	token, err = service.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"payments:send"}, w.claims(token.AccessToken).Scopes)
}

func TestNoSecretEverReachesTheLog(t *testing.T) {
	w := newWorld(t)
	user := w.userJWT(map[string]any{"id": 12345, "exp": w.clock.Now().Add(time.Hour).Unix()})
	secrets := []string{appSecret, "password", user, "wrong-secret", "wrong-password", "admin-made"}

	code := w.code("app")
	secrets = append(secrets, code)
	a := w.redeem(code)
	secrets = append(secrets, a.str("access_token"), a.str("refresh_token"))
	b := w.refresh(a.str("refresh_token"))
	secrets = append(secrets, b.str("access_token"), b.str("refresh_token"))
	w.post("/oauth/token?"+refreshing(b.str("refresh_token")).Encode(), nil, basic("app", "wrong-secret"))
	w.post("/oauth/authorize", authorization("app", "password", "wrong-password"))
	w.post("/oauth/authorize?password=wrong-password", authorization("app"))
	w.get("/clients", header("Authorization", "Bearer "+user))
	created := w.do(http.MethodPost, w.admin+"/admin/clients", "application/json", strings.NewReader(`{"name":"n","domain":"https://n.example"}`))
	secrets = append(secrets, created.str("clientSecret"))

	w.redis.SetError("LOADING")
	require.Equal(t, http.StatusServiceUnavailable, w.post("/oauth/revoke", form("token", b.str("refresh_token")), basic("app", appSecret)).StatusCode)
	require.Equal(t, http.StatusServiceUnavailable, w.redeem(code).StatusCode)
	w.redis.SetError("")
	require.NoError(t, w.registry.Close())
	w.server.ForgetClients()
	inQuery := w.post("/oauth/token?"+refreshing(b.str("refresh_token")).Encode(), nil, basic("app", appSecret))
	for _, broken := range []answer{w.redeem(code), inQuery, w.post("/oauth/authorize", authorization("app"))} {
		w.requireError(broken, http.StatusInternalServerError, "server_error")
	}

	log := w.log.String()
	require.Contains(t, log, "request failed", "the log is being looked at")
	require.Contains(t, log, "client authentication failed")
	for _, secret := range secrets {
		require.NotEmpty(t, secret)
		require.NotContains(t, log, `"`+secret, secret)
		require.NotContains(t, log, "="+url.QueryEscape(secret), secret)
		if len(secret) > 12 {
			require.NotContains(t, log, secret)
		}
	}
}
