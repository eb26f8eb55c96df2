package dpop_test

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/stretchr/testify/require"

	"gatehouse/keys/dpop"
	"gatehouse/keys/jws/jwstest"
)

const (
	method = "POST"
	uri    = "https://api.example.com/v2/payments"
	token  = "an.access.token"
)

var now = time.Unix(1_900_000_000, 0)

// client makes proofs as an application does, or as somebody who wants to deceive.
type client struct {
	jwstest.Signer
	jwk        map[string]any // public
	thumbprint string         // as jwx computes it
}

func newClient(tb testing.TB, alg string) client {
	tb.Helper()
	signer := jwstest.New(tb, alg)
	public, err := jwk.FromRaw(signer.Key.Public())
	require.NoError(tb, err)
	sum, err := public.Thumbprint(crypto.SHA256)
	require.NoError(tb, err)
	return client{signer, signer.JWK(tb, nil), base64.RawURLEncoding.EncodeToString(sum)}
}

func (c client) header(changes map[string]any) map[string]any {
	return jwstest.Changed(map[string]any{"typ": "dpop+jwt", "alg": c.Algorithm, "jwk": c.jwk}, changes)
}

func goodClaims(changes map[string]any) map[string]any {
	return jwstest.Changed(map[string]any{"jti": "one", "htm": method, "htu": uri, "iat": now.Unix(), "ath": hashOf(token)}, changes)
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func encoded(tb testing.TB, value any) string { return jwstest.Encode(tb, value) }

func encodedText(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

func (c client) proof(tb testing.TB, claims map[string]any) string {
	tb.Helper()
	return c.Compact(tb, c.header(nil), claims)
}

func verifier() *dpop.Verifier { return &dpop.Verifier{Now: func() time.Time { return now }} }

// request is the one that goodClaims are for.
func request() dpop.Request { return dpop.Request{Method: method, URI: uri, AccessToken: token} }
