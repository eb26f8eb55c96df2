package keys_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

var algorithms = []string{keys.ES256, keys.RS256, keys.EdDSA}

const issuer = "https://auth.example"

func newKey(t *testing.T, alg string) *keys.Key {
	t.Helper()
	key, err := keys.Generate(alg)
	require.NoError(t, err)
	return key
}

func newVerifier(t *testing.T, signing *keys.Key, others ...*keys.Key) *keys.Verifier {
	t.Helper()
	ring, err := keys.NewRing(signing, others...)
	require.NoError(t, err)
	return &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: ring}
}

// goodClaims are those of a valid token; a test changes one of them. A nil value removes the claim.
func goodClaims(changes map[string]any) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": issuer, "aud": []string{issuer}, "sub": "12345", "client_id": "app", "jti": "token-1",
		"grant_id": "grant-1", "scope": "balance:read invoices:create",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		if value == nil {
			delete(claims, name)
			continue
		}
		claims[name] = value
	}
	return claims
}

func signed(t *testing.T, key *keys.Key, claims any) string {
	t.Helper()
	token, err := key.Sign(keys.TypeAccessToken, claims)
	require.NoError(t, err)
	return token
}

func TestAVerifiedTokenYieldsWhatWasSigned(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(alg, func(t *testing.T) {
			key := newKey(t, alg)
			want := goodClaims(nil)
			claims, err := newVerifier(t, key).Verify([]byte(signed(t, key, want)))
			require.NoError(t, err)
			require.Equal(t, &keys.Claims{
				Issuer: issuer, Subject: "12345", ClientID: "app", ID: "token-1", GrantID: "grant-1",
				Audience: []string{issuer}, Scopes: []string{"balance:read", "invoices:create"},
				IssuedAt:  time.Unix(want["iat"].(int64), 0).UTC(),
				ExpiresAt: time.Unix(want["exp"].(int64), 0).UTC(),
				KeyID:     key.ID(),
			}, claims)
			require.True(t, claims.HasScope("invoices:create"))
			for _, scope := range []string{"", "invoices", "balance:*", "invoices:create "} {
				require.False(t, claims.HasScope(scope), scope)
			}
		})
	}
}

func TestATokenOfAnyKeyInTheRingVerifiesAndOfNoOther(t *testing.T) {
	old, current, next, stranger := newKey(t, keys.ES256), newKey(t, keys.RS256), newKey(t, keys.EdDSA), newKey(t, keys.ES256)
	verifier := newVerifier(t, current, old, next)
	for _, key := range []*keys.Key{old, current, next} {
		_, err := verifier.Verify([]byte(signed(t, key, goodClaims(nil))))
		require.NoError(t, err, key.Algorithm())
	}
	_, err := verifier.Verify([]byte(signed(t, stranger, goodClaims(nil))))
	require.ErrorIs(t, err, keys.ErrUnknownKey)
}

func TestReplacingTheRingTakesEffectAtOnce(t *testing.T) {
	first, second := newKey(t, keys.ES256), newKey(t, keys.ES256)
	ring, err := keys.NewRing(first)
	require.NoError(t, err)
	_, before := ring.JWKS()
	verifier := &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: ring}
	token := signed(t, ring.Signing(), goodClaims(nil))

	require.NoError(t, ring.Replace(second, first))
	require.Equal(t, second.ID(), ring.Signing().ID())
	_, after := ring.JWKS()
	require.NotEqual(t, before, after, "a cached JWKS must not be taken for the new one")
	_, err = verifier.Verify([]byte(token))
	require.NoError(t, err, "rotation refuses no valid token")

	require.Error(t, ring.Replace(nil))
	require.Equal(t, second.ID(), ring.Signing().ID(), "a ring without a signing key is refused and changes nothing")

	require.NoError(t, ring.Replace(second))
	_, err = verifier.Verify([]byte(token))
	require.ErrorIs(t, err, keys.ErrUnknownKey)
}

func TestTheJWKSHoldsOnlyWhatIsPublic(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(alg, func(t *testing.T) {
			key := newKey(t, alg)
			ring, err := keys.NewRing(key)
			require.NoError(t, err)
			document, etag := ring.JWKS()
			require.Regexp(t, `^"[0-9a-f]+"$`, etag)

			var plain struct {
				Keys []map[string]any `json:"keys"`
			}
			require.NoError(t, json.Unmarshal(document, &plain))
			require.Len(t, plain.Keys, 1)
			for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
				require.NotContains(t, plain.Keys[0], secret)
			}
			require.Equal(t, alg, plain.Keys[0]["alg"])
			require.Equal(t, "sig", plain.Keys[0]["use"])
			require.Equal(t, key.ID(), plain.Keys[0]["kid"])

			_, err = jwk.Parse(document)
			require.NoError(t, err)
		})
	}
}

func TestASealedKeyOpensOnlyWithItsSecret(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(alg, func(t *testing.T) {
			key := newKey(t, alg)
			sealed, err := keys.Seal(key, "correct horse battery staple")
			require.NoError(t, err)

			opened, err := keys.Open(sealed, "correct horse battery staple", key.ID())
			require.NoError(t, err)
			require.Equal(t, key.ID(), opened.ID())
			_, err = newVerifier(t, key).Verify([]byte(signed(t, opened, goodClaims(nil))))
			require.NoError(t, err)

			_, err = keys.Open(sealed, "correct horse battery stapler", key.ID())
			require.ErrorIs(t, err, keys.ErrSealed)
			require.EqualError(t, err, keys.ErrSealed.Error(), "how keys are sealed helps nobody who has the wrong secret")
			tampered := strings.Replace(sealed, sealed[len(sealed)-5:], "AAAAA", 1)
			_, err = keys.Open(tampered, "correct horse battery staple", key.ID())
			require.ErrorIs(t, err, keys.ErrSealed)
			_, err = keys.Open("", "correct horse battery staple", key.ID())
			require.ErrorIs(t, err, keys.ErrSealed)
			_, err = keys.Open(sealed, "correct horse battery staple", newKey(t, alg).ID())
			require.ErrorIs(t, err, keys.ErrMisplaced, "it is sealed under its own name")
		})
	}
}

func TestKeysOfUnknownAlgorithmsAreNotMade(t *testing.T) {
	for _, alg := range []string{"", "none", "HS256", "ES384", "es256"} {
		_, err := keys.Generate(alg)
		require.ErrorIs(t, err, keys.ErrUnsupportedAlgorithm, alg)
	}
}

func TestDerivedKeysDependOnSecretAndPurpose(t *testing.T) {
	require.Equal(t, keys.Derive("secret", "a"), keys.Derive("secret", "a"))
	require.NotEqual(t, keys.Derive("secret", "a"), keys.Derive("secret", "b"))
	require.NotEqual(t, keys.Derive("secret", "a"), keys.Derive("other", "a"))
}

func encode(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(raw)
}
