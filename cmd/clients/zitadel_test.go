package clients_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
	"github.com/zitadel/oidc/v3/pkg/client"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
)

func TestZitadelOIDC(t *testing.T) {
	ctx, issuer := t.Context(), gatehouse.issuer
	app := register(t, false)
	clientID, clientSecret := app.ID, app.Secret
	discovered, err := client.Discover(ctx, issuer, http.DefaultClient)
	require.NoError(t, err)
	require.Equal(t, issuer+"/oauth/introspect", discovered.IntrospectionEndpoint)

	application, err := rp.NewRelyingPartyOIDC(ctx, issuer, clientID, clientSecret, redirectURI, []string{"hello:read"})
	require.NoError(t, err)
	verifier := oauth2.GenerateVerifier()
	redirect := allow(t, rp.AuthURL("a state", application, rp.WithCodeChallenge(oauth2.S256ChallengeFromVerifier(verifier))))
	_, err = rp.CodeExchange[*zitadel.IDTokenClaims](ctx, redirect.Get("code"), application, rp.WithCodeVerifier(verifier))
	require.ErrorIs(t, err, rp.ErrMissingIDToken, "it asks for an ID token, and there are none")

	config := &oauth2.Config{ClientID: clientID, ClientSecret: clientSecret, RedirectURL: redirectURI, Scopes: []string{"hello:read"}}
	config.Endpoint = oauth2.Endpoint{AuthURL: issuer + "/oauth/authorize", TokenURL: issuer + "/oauth/token"}
	plain, err := rp.NewRelyingPartyOAuth(config)
	require.NoError(t, err)
	redirect = allow(t, rp.AuthURL("a state", plain, rp.WithCodeChallenge(oauth2.S256ChallengeFromVerifier(verifier))))
	tokens, err := rp.CodeExchange[*zitadel.IDTokenClaims](ctx, redirect.Get("code"), plain, rp.WithCodeVerifier(verifier))
	require.NoError(t, err)

	resource, err := rs.NewResourceServerClientCredentials(ctx, issuer, clientID, clientSecret)
	require.NoError(t, err)
	answer, err := rs.Introspect[*zitadel.IntrospectionResponse](ctx, resource, tokens.AccessToken)
	require.NoError(t, err)
	require.True(t, answer.Active)
	require.Equal(t, "demo", answer.Subject)
	require.Equal(t, "hello:read", strings.Join(answer.Scope, " "))

	require.NoError(t, rp.RevokeToken(ctx, application, tokens.RefreshToken, "refresh_token"))
	answer, err = rs.Introspect[*zitadel.IntrospectionResponse](ctx, resource, tokens.AccessToken)
	require.NoError(t, err)
	require.False(t, answer.Active)
}

// signs registers a client with a public key of its own, and returns it with the private one.
func signs(t *testing.T, key crypto.Signer, kid string) (app application, privateKey []byte) {
	t.Helper()
	jwks := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: kid}}}
	app = gatehouse.register(t, false, map[string]any{"jwks": jwks})
	require.Empty(t, app.Secret)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return app, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func TestZitadelOIDCSigns(t *testing.T) {
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for alg, key := range map[string]crypto.Signer{"ES256": ecKey, "RS256": rsaKey, "EdDSA": edKey} {
		t.Run(alg, func(t *testing.T) {
			ctx, issuer, scopes, keyID := t.Context(), gatehouse.issuer, []string{"hello:read"}, "a key"
			app, key := signs(t, key, keyID)
			clientID := app.ID
			signed := rp.WithJWTProfile(rp.SignerFromKeyAndKeyID(key, keyID))
			application, err := rp.NewRelyingPartyOIDC(ctx, issuer, clientID, "", redirectURI, scopes, signed)
			require.NoError(t, err)

			verifier := oauth2.GenerateVerifier()
			redirect := allow(t, rp.AuthURL("a state", application, rp.WithCodeChallenge(oauth2.S256ChallengeFromVerifier(verifier))))
			assertion, err := client.SignedJWTProfileAssertion(clientID, []string{issuer}, time.Hour, application.Signer())
			require.NoError(t, err)

			proven := []rp.CodeExchangeOpt{rp.WithCodeVerifier(verifier), rp.WithClientAssertionJWT(assertion)}
			tokens, err := rp.CodeExchange[*zitadel.IDTokenClaims](ctx, redirect.Get("code"), application, proven...)
			require.ErrorIs(t, err, rp.ErrMissingIDToken, "which is no reason to be without tokens")
			_, err = rp.CodeExchange[*zitadel.IDTokenClaims](ctx, "another", application, proven...)
			require.ErrorContains(t, err, "used before")

			refreshed, err := rp.RefreshTokens[*zitadel.IDTokenClaims](ctx, application, tokens.RefreshToken, "", "")
			require.NoError(t, err)

			resource, err := rs.NewResourceServerJWTProfile(ctx, issuer, clientID, keyID, key)
			require.NoError(t, err)
			answer, err := rs.Introspect[*zitadel.IntrospectionResponse](ctx, resource, refreshed.AccessToken)
			require.NoError(t, err)
			require.True(t, answer.Active)
			require.NoError(t, rp.RevokeToken(ctx, application, refreshed.RefreshToken, "refresh_token"))
			answer, err = rs.Introspect[*zitadel.IntrospectionResponse](ctx, resource, refreshed.AccessToken)
			require.NoError(t, err)
			require.False(t, answer.Active)

			another, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			require.NoError(t, err)
			_, key = signs(t, another, keyID)
			resource, err = rs.NewResourceServerJWTProfile(ctx, issuer, clientID, keyID, key)
			require.NoError(t, err)
			_, err = rs.Introspect[*zitadel.IntrospectionResponse](ctx, resource, refreshed.AccessToken)
			require.ErrorContains(t, err, "invalid_client", "a key of another client")
		})
	}
}
