package dpoptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/stretchr/testify/require"
)

// Client has a key and makes proofs with it. It is safe for concurrent use.
type Client struct {
	// Thumbprint is that of its key, as jwx computes it.
	Thumbprint string
	// Now is what its clock shows; time.Now when nil.
	Now func() time.Time

	tb     testing.TB
	key    *ecdsa.PrivateKey
	public json.RawMessage
}

// New returns a client with a key of its own.
func New(tb testing.TB) *Client {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	public, err := jwk.FromRaw(key.Public())
	require.NoError(tb, err)
	sum, err := public.Thumbprint(crypto.SHA256)
	require.NoError(tb, err)
	text, err := json.Marshal(public)
	require.NoError(tb, err)
	return &Client{Thumbprint: base64.RawURLEncoding.EncodeToString(sum), tb: tb, key: key, public: text}
}

// Proof is a new one for a request that shows the access token; "" is none. Changes are applied to its claims, nil removes one.
func (c *Client) Proof(method, uri, accessToken string, changes map[string]any) string {
	c.tb.Helper()
	now := c.Now
	if now == nil {
		now = time.Now
	}
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": uri, "iat": now().Unix()}
	if accessToken != "" {
		claims["ath"] = Hash(accessToken)
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	input := c.encode(map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": c.public}) + "." + c.encode(claims)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, c.key, digest[:])
	require.NoError(c.tb, err)
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature[:])
}

func (c *Client) encode(value any) string {
	c.tb.Helper()
	text, err := json.Marshal(value)
	require.NoError(c.tb, err)
	return base64.RawURLEncoding.EncodeToString(text)
}

// Hash is the ath of an access token.
func Hash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
