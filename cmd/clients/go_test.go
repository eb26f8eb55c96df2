package clients_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// call asks the API for what a token is good for.
func call(t *testing.T, client *http.Client) (status int) {
	t.Helper()
	response, err := client.Get(gatehouse.issuer + "/hello")
	require.NoError(t, err)
	defer response.Body.Close()
	return response.StatusCode
}

// connect lets a user connect the application by golang.org/x/oauth2.
func connect(t *testing.T, app application) (*oauth2.Config, *oauth2.Token) {
	t.Helper()
	issuer, clientID, clientSecret := gatehouse.issuer, app.ID, app.Secret
	config := &oauth2.Config{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURL: redirectURI, Scopes: []string{"hello:read"},
		Endpoint: oauth2.Endpoint{AuthURL: issuer + "/oauth/authorize", TokenURL: issuer + "/oauth/token"},
	}
	verifier := oauth2.GenerateVerifier()
	redirect := allow(t, config.AuthCodeURL("a state", oauth2.S256ChallengeOption(verifier)))
	require.Equal(t, "a state", redirect.Get("state"))
	require.Equal(t, gatehouse.issuer, redirect.Get("iss"))
	token, err := config.Exchange(t.Context(), redirect.Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(t, err)
	return config, token
}

func TestGoOAuth2(t *testing.T) {
	for name, public := range map[string]bool{"public": true, "confidential": false} {
		t.Run(name, func(t *testing.T) {
			config, token := connect(t, register(t, public))
			require.Equal(t, http.StatusOK, call(t, config.Client(t.Context(), token)))

			old := *token
			old.Expiry = time.Now().Add(-time.Minute)
			refreshed, err := config.TokenSource(t.Context(), &old).Token()
			require.NoError(t, err)
			require.NotEqual(t, token.AccessToken, refreshed.AccessToken)
			require.NotEqual(t, token.RefreshToken, refreshed.RefreshToken)
			require.Equal(t, http.StatusOK, call(t, config.Client(t.Context(), refreshed)))

			revoke, err := http.PostForm(gatehouse.issuer+"/oauth/revoke",
				url.Values{"token": {refreshed.RefreshToken}, "client_id": {config.ClientID}, "client_secret": {config.ClientSecret}})
			require.NoError(t, err)
			require.NoError(t, revoke.Body.Close())
			require.Equal(t, http.StatusOK, revoke.StatusCode)
			require.Equal(t, http.StatusUnauthorized, call(t, oauth2.NewClient(t.Context(), oauth2.StaticTokenSource(refreshed))))
		})
	}
}

func TestGoOIDC(t *testing.T) {
	ctx, issuer := t.Context(), gatehouse.issuer
	_, token := connect(t, register(t, true))
	provider, err := oidc.NewProvider(ctx, issuer)
	require.NoError(t, err)
	verifier := provider.Verifier(&oidc.Config{ClientID: issuer, SupportedSigningAlgs: []string{oidc.ES256}})
	verified, err := verifier.Verify(ctx, token.AccessToken)
	require.NoError(t, err)
	require.Equal(t, issuer+"/oauth/token", provider.Endpoint().TokenURL)
	require.Equal(t, "demo", verified.Subject)
	require.WithinDuration(t, token.Expiry, verified.Expiry, time.Minute)

	_, err = verifier.Verify(ctx, changed(token.AccessToken))
	require.Error(t, err)
	_, err = provider.Verifier(&oidc.Config{ClientID: issuer}).Verify(ctx, token.AccessToken)
	require.ErrorContains(t, err, "ES256", "without being told, it knows RS256 alone")
}

// changed is the token with other claims under the same signature.
func changed(token string) string {
	part := strings.Split(token, ".")
	part[1] = part[1][:20] + strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, part[1][20:21]) + part[1][21:]
	return strings.Join(part, ".")
}
