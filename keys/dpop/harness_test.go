package dpop_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/stretchr/testify/require"

	"gatehouse/keys/dpop"
)

const (
	method = "POST"
	uri    = "https://api.example.com/v2/payments"
	token  = "an.access.token"
)

var now = time.Unix(1_900_000_000, 0)

// client makes proofs as an application does, or as somebody who wants to deceive.
type client struct {
	alg        string
	key        crypto.Signer
	jwk        map[string]any // public
	thumbprint string         // as jwx computes it
}

func newClient(tb testing.TB, alg string) client {
	tb.Helper()
	key, err := generate(alg)
	require.NoError(tb, err)
	public, err := jwk.FromRaw(key.Public())
	require.NoError(tb, err)
	sum, err := public.Thumbprint(crypto.SHA256)
	require.NoError(tb, err)
	return client{alg, key, membersOf(tb, public), base64.RawURLEncoding.EncodeToString(sum)}
}

func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "RS256", "PS256":
		return rsa.GenerateKey(rand.Reader, 2048)
	default:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
}

func membersOf(tb testing.TB, key jwk.Key) map[string]any {
	tb.Helper()
	text, err := json.Marshal(key)
	require.NoError(tb, err)
	var members map[string]any
	require.NoError(tb, json.Unmarshal(text, &members))
	return members
}

func (c client) header(changes map[string]any) map[string]any {
	return changed(map[string]any{"typ": "dpop+jwt", "alg": c.alg, "jwk": c.jwk}, changes)
}

func goodClaims(changes map[string]any) map[string]any {
	return changed(map[string]any{"jti": "one", "htm": method, "htu": uri, "iat": now.Unix(), "ath": hashOf(token)}, changes)
}

// changed removes what is changed to nil.
func changed(from, changes map[string]any) map[string]any {
	maps.Copy(from, changes)
	maps.DeleteFunc(from, func(_ string, value any) bool { return value == nil })
	return from
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func encoded(tb testing.TB, value any) string {
	tb.Helper()
	text, err := json.Marshal(value)
	require.NoError(tb, err)
	return encodedText(text)
}

func encodedText(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

func (c client) proof(tb testing.TB, claims map[string]any) string {
	return c.sign(tb, encoded(tb, c.header(nil))+"."+encoded(tb, claims))
}

// sign adds the signature, which is good whatever is signed.
func (c client) sign(tb testing.TB, input string) string {
	tb.Helper()
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch key := c.key.(type) {
	case *ecdsa.PrivateKey:
		r, s, failed := ecdsa.Sign(rand.Reader, key, digest[:])
		size := (key.Params().BitSize + 7) / 8
		err, signature = failed, make([]byte, 2*size)
		r.FillBytes(signature[:size])
		s.FillBytes(signature[size:])
	case *rsa.PrivateKey:
		if c.alg == "PS256" {
			signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(input))
	}
	require.NoError(tb, err)
	return input + "." + encodedText(signature)
}

func hs256(secret []byte, input string) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte(input))
	return input + "." + encodedText(mac.Sum(nil))
}

func verifier() *dpop.Verifier { return &dpop.Verifier{Now: func() time.Time { return now }} }

// request is the one that goodClaims are for.
func request() dpop.Request { return dpop.Request{Method: method, URI: uri, AccessToken: token} }
