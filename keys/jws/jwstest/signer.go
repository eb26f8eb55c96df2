package jwstest

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
	"math/big"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/stretchr/testify/require"
)

// Signer has a key and signs whatever it is given. It is safe for concurrent use.
type Signer struct {
	Algorithm string
	Key       crypto.Signer
}

// New returns a signer with a key of its own for "ES256", "ES384", "RS256", "PS256", "EdDSA" or "Ed25519".
func New(tb testing.TB, alg string) Signer {
	tb.Helper()
	key, err := generate(alg)
	require.NoError(tb, err)
	return Signer{alg, key}
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

// JWK is the public key, with changes; nil removes.
func (s Signer) JWK(tb testing.TB, changes map[string]any) map[string]any {
	tb.Helper()
	return Changed(Members(tb, s.Key.Public()), changes)
}

// Members are those of the JWK of a key.
func Members(tb testing.TB, key any) map[string]any {
	tb.Helper()
	made, err := jwk.FromRaw(key)
	require.NoError(tb, err)
	text, err := json.Marshal(made)
	require.NoError(tb, err)
	var members map[string]any
	require.NoError(tb, json.Unmarshal(text, &members))
	return members
}

// Changed removes what is changed to nil.
func Changed(from, changes map[string]any) map[string]any {
	maps.Copy(from, changes)
	maps.DeleteFunc(from, func(_ string, value any) bool { return value == nil })
	return from
}

// Compact is a good JWS of what header and claims say.
func (s Signer) Compact(tb testing.TB, header, claims map[string]any) string {
	tb.Helper()
	return s.Sign(tb, Encode(tb, header)+"."+Encode(tb, claims))
}

// Encode is how a part of a JWS is written.
func Encode(tb testing.TB, value any) string {
	tb.Helper()
	return Raw(Text(tb, value))
}

// Text is a value as JSON.
func Text(tb testing.TB, value any) string {
	tb.Helper()
	text, err := json.Marshal(value)
	require.NoError(tb, err)
	return string(text)
}

// Raw is how a part of a JWS is written that is this text.
func Raw(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// Sign adds the signature, which is good whatever is signed.
func (s Signer) Sign(tb testing.TB, input string) string {
	tb.Helper()
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch key := s.Key.(type) {
	case *ecdsa.PrivateKey:
		first, second, failed := ecdsa.Sign(rand.Reader, key, digest[:])
		size := (key.Params().BitSize + 7) / 8
		err, signature = failed, make([]byte, 2*size)
		first.FillBytes(signature[:size])
		second.FillBytes(signature[size:])
	case *rsa.PrivateKey:
		if s.Algorithm == "PS256" {
			signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(input))
	}
	require.NoError(tb, err)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// OtherES256 has another signature by the same key, which anybody can make of the one that a text has: (r, n-s) of (r, s).
func OtherES256(tb testing.TB, text string) string {
	tb.Helper()
	input := text[:strings.LastIndexByte(text, '.')]
	signature, err := base64.RawURLEncoding.DecodeString(text[len(input)+1:])
	require.NoError(tb, err)
	const scalar = 32
	require.Len(tb, signature, 2*scalar)
	s := new(big.Int).SetBytes(signature[scalar:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[scalar:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// HS256 signs with a secret.
func HS256(secret []byte, input string) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
