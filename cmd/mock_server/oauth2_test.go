package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// oauth2Config is an application that knows the demo server by golang.org/x/oauth2.
func oauth2Config(m *mockProcess, id, secret string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: id, ClientSecret: secret,
		Endpoint:    oauth2.Endpoint{AuthURL: m.Issuer + "/oauth/authorize", TokenURL: m.Issuer + "/oauth/token"},
		RedirectURL: demoRedirect,
		Scopes:      []string{"balance:read", "invoices:read"},
	}
}

// allow lets the user agree to what the authorization URL asks for, and returns the redirect's parameters.
func allow(t *testing.T, m *mockProcess, authorizationURL string) url.Values {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, authorizationURL, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+m.UserJWT)
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusFound, response.StatusCode)
	location, err := response.Location()
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(location.String(), demoRedirect+"?"), "%s", location)
	return location.Query()
}

func get(t *testing.T, client *http.Client, address string) (status int, body map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	require.NoError(t, json.NewDecoder(response.Body).Decode(&body))
	return response.StatusCode, body
}

func TestOAuth2CodeWithPKCE(t *testing.T) {
	m := startMock(t)
	clients := []struct {
		name, id, secret string
		style            oauth2.AuthStyle
	}{
		{"confidential, found out", "id", "secret", oauth2.AuthStyleAutoDetect},
		{"confidential, header", "test_client", "test_secret", oauth2.AuthStyleInHeader},
		{"confidential, form", "test_client", "test_secret", oauth2.AuthStyleInParams},
		{"public, found out", "public", "", oauth2.AuthStyleAutoDetect},
		{"public, header", "public", "", oauth2.AuthStyleInHeader},
		{"public, form", "public", "", oauth2.AuthStyleInParams},
	}
	for _, client := range clients {
		t.Run(client.name, func(t *testing.T) {
			ctx := t.Context()
			config := oauth2Config(m, client.id, client.secret)
			config.Endpoint.AuthStyle = client.style
			verifier := oauth2.GenerateVerifier()
			redirect := allow(t, m, config.AuthCodeURL("the state", oauth2.S256ChallengeOption(verifier)))
			require.Equal(t, "the state", redirect.Get("state"))
			require.Equal(t, m.Issuer, redirect.Get("iss"), "RFC 9207")

			_, err := config.Exchange(ctx, redirect.Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier()))
			requireRefused(t, err, "invalid_grant")
			token, err := config.Exchange(ctx, redirect.Get("code"), oauth2.VerifierOption(verifier))
			require.NoError(t, err)
			require.Equal(t, "Bearer", token.Type())
			require.WithinDuration(t, time.Now().Add(2*time.Hour), token.Expiry, 5*time.Minute)

			status, body := get(t, config.Client(ctx, token), m.Issuer+"/balance")
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, body, "balance")
			status, body = get(t, config.Client(ctx, token), m.Issuer+"/user/me")
			require.Equal(t, http.StatusForbidden, status)
			require.Equal(t, "insufficient_scope", body["error"])

			expired := *token
			expired.Expiry = time.Now().Add(-time.Minute)
			source := config.TokenSource(ctx, &expired)
			refreshed, err := source.Token()
			require.NoError(t, err)
			require.NotEqual(t, token.AccessToken, refreshed.AccessToken)
			require.NotEqual(t, token.RefreshToken, refreshed.RefreshToken)
			status, _ = get(t, oauth2.NewClient(ctx, source), m.Issuer+"/balance")
			require.Equal(t, http.StatusOK, status)
		})
	}
}

func TestOAuth2ClientCredentials(t *testing.T) {
	m := startMock(t)
	config := clientcredentials.Config{
		ClientID: "test_client", ClientSecret: "test_secret",
		TokenURL: m.Issuer + "/oauth/token", Scopes: []string{"balance:read"},
	}
	token, err := config.Token(t.Context())
	require.NoError(t, err)
	require.Empty(t, token.RefreshToken)

	status, _ := get(t, config.Client(t.Context()), m.Issuer+"/balance")
	require.Equal(t, http.StatusForbidden, status, "the wallet's users are people, and this is none")

	config.ClientSecret = "wrong"
	_, err = config.Token(t.Context())
	requireRefused(t, err, "invalid_client")
	config.ClientID, config.ClientSecret = "id", "secret"
	_, err = config.Token(t.Context())
	requireRefused(t, err, "unauthorized_client")
}

func requireRefused(t *testing.T, err error, code string) {
	t.Helper()
	var refused *oauth2.RetrieveError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, code, refused.ErrorCode)
}
