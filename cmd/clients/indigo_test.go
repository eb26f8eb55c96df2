package clients_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bluesky-social/indigo/atproto/atcrypto"
	"github.com/bluesky-social/indigo/atproto/auth/oauth"
	"github.com/bluesky-social/indigo/atproto/identity"
	"github.com/bluesky-social/indigo/atproto/syntax"
	"github.com/stretchr/testify/require"
)

// atprotoConfiguration is all that the profile of atproto asks of a server which can be configured.
const atprotoConfiguration = `
database_url: "sqlite:%[1]s/gatehouse.db"
redis_url: "embedded:"
jwt_secret: %032[2]d
keys: {secret: %032[2]d}
tls: {cert_file: %[1]s/tls.pem, key_file: %[1]s/tls.key}
clients:
  documents: {allow_networks: [127.0.0.0/8], ca_file: %[1]s/ca.pem}
pushed_requests: {required: true}
dpop: {nonce: required}
routes:
  - path: /xrpc/com.example.whoami
    methods: [GET]
    origin: %[3]s
    scope: atproto
    description: Use your account.
    credential: headers
    dpop: required
`

// atprotoIssuer has no port, as atproto asks.
const atprotoIssuer = "https://gatehouse.test"

// startATProto starts a server for clients of atproto, and returns one, whose metadata document is served. A confidential one has a key. The
// transport is how it, and its user's browser, reach the server.
func startATProto(t *testing.T, confidential bool) (app *oauth.ClientApp, transport *http.Transport) {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"subject": r.Header.Get("X-Gatehouse-Subject")}) // who has gone needs no answer
	}))
	t.Cleanup(upstream.Close)
	config := oauth.NewPublicConfig("", redirectURI, []string{"atproto"})
	if confidential {
		key, err := atcrypto.GeneratePrivateKeyP256()
		require.NoError(t, err)
		require.NoError(t, config.SetClientSecret(key, "a key"))
	}
	clientID, authority := serveDocument(t, func(clientID string) any {
		said := config
		said.ClientID = clientID
		document, keys := said.ClientMetadata(), said.PublicJWKS()
		if confidential {
			document.JWKS = &keys
		}
		return document
	})
	config.ClientID = clientID
	certificate := certify(t, strings.TrimPrefix(atprotoIssuer, "https://"))
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	require.NoError(t, err)
	var address string
	startConfigured(t, func(s *server) map[string]string {
		address = strings.TrimPrefix(s.issuer, "http://")
		s.issuer = atprotoIssuer
		return map[string]string{
			"config.yaml": fmt.Sprintf(atprotoConfiguration, s.dir, 7, upstream.URL), "ca.pem": authority, "tls.pem": pemOf(certificate),
			"tls.key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		}
	})
	trusted := x509.NewCertPool()
	require.True(t, trusted.AppendCertsFromPEM([]byte(pemOf(certificate))))
	transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}

	app = oauth.NewClientApp(&config, oauth.NewMemStore())
	app.Client = &http.Client{Transport: transport, Timeout: patience}
	app.Resolver.Client = app.Client
	return app, transport
}

// TestIndigo: the OAuth client of bluesky-social/indigo pushes its requests, proves with each that it holds a key (DPoP), and signs who it is if it is
// confidential. What it knows is the name of an account, of which atproto tells it the host.
func TestIndigo(t *testing.T) {
	for name, confidential := range map[string]bool{"public": false, "confidential": true} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			app, transport := startATProto(t, confidential)
			did, handle := syntax.DID("did:plc:ewvi7nxzyoun6zhxrhs64oiz"), syntax.Handle("demo.example.com")
			accounts := identity.NewMockDirectory()
			accounts.Insert(identity.Identity{DID: did, Handle: handle, Services: map[string]identity.ServiceEndpoint{
				"atproto_pds": {Type: "AtprotoPersonalDataServer", URL: atprotoIssuer},
			}})
			app.Dir = accounts

			address, err := app.StartAuthFlow(ctx, handle.String())
			require.NoError(t, err)
			visitor := newUser()
			visitor.browser.Transport = transport
			at, err := visitor.visit(address)
			require.NoError(t, err)
			to, err := url.Parse(at.URL)
			require.NoError(t, err)
			redirect := to.Query()
			require.NotEmpty(t, redirect.Get("code"), "%+v", at)

			// ProcessCallback refuses the answer of another server. After that of the right one it looks in the token's answer for the account
			// (sub), which only servers of atproto put there: so what it calls until then is called here.
			mixedUp := to.Query()
			mixedUp.Set("iss", "https://other.example")
			_, err = app.ProcessCallback(ctx, mixedUp)
			require.ErrorContains(t, err, "iss doesn't match")
			require.Equal(t, atprotoIssuer, redirect.Get("iss"))

			info, err := app.Store.GetAuthRequestInfo(ctx, redirect.Get("state"))
			require.NoError(t, err)

			tokens, err := app.SendInitialTokenRequest(ctx, redirect.Get("code"), *info)
			require.NoError(t, err)
			require.Equal(t, "atproto", tokens.Scope)

			require.NoError(t, app.Store.SaveSession(ctx, oauth.ClientSessionData{
				AccountDID: did, SessionID: info.State, HostURL: atprotoIssuer, AuthServerURL: info.AuthServerURL,
				AuthServerTokenEndpoint: info.AuthServerTokenEndpoint, AuthServerRevocationEndpoint: info.AuthServerRevocationEndpoint,
				AccessToken: tokens.AccessToken, RefreshToken: tokens.RefreshToken, DPoPPrivateKeyMultibase: info.DPoPPrivateKeyMultibase,
			}))
			session, err := app.ResumeSession(ctx, did, info.State)
			require.NoError(t, err)
			whoAmI := func() (subject string, err error) {
				var answer struct{ Subject string }
				err = session.APIClient().Get(ctx, "com.example.whoami", nil, &answer)
				return answer.Subject, err
			}
			subject, err := whoAmI()
			require.NoError(t, err)
			require.Equal(t, "demo", subject)

			refreshed, err := session.RefreshTokens(ctx)
			require.NoError(t, err)
			require.NotEqual(t, tokens.AccessToken, refreshed)
			require.NotEqual(t, tokens.RefreshToken, session.Data.RefreshToken)
			_, err = whoAmI()
			require.NoError(t, err)

			err = app.Logout(ctx, did, info.State)
			require.NoError(t, err)
			_, err = whoAmI()
			require.ErrorContains(t, err, "invalid_grant", "neither token is good any more")
		})
	}
}
