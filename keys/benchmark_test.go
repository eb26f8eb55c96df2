package keys_test

import (
	"crypto/rand"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/keys"
)

// benchmarkVerifier is a verifier of one key, and tokens of that key as an installation issues them, each another one.
func benchmarkVerifier(b *testing.B, alg string, count int) (*keys.Verifier, [][]byte) {
	b.Helper()
	key, err := keys.Generate(alg)
	require.NoError(b, err)
	ring, err := keys.NewRing(key)
	require.NoError(b, err)
	tokens := make([][]byte, count)
	for i := range tokens {
		token, err := key.Sign(keys.TypeAccessToken, map[string]any{
			"iss": issuer, "aud": []string{issuer}, "sub": strconv.Itoa(i), "client_id": "client-" + strconv.Itoa(i%100), "jti": rand.Text(),
			"grant_id": rand.Text(), "scope": "balance:read invoices:create invoices:read transactions:read payments:send",
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		})
		require.NoError(b, err)
		tokens[i] = []byte(token)
	}
	return &keys.Verifier{Issuer: issuer, Audience: issuer, Keys: ring}, tokens
}

// BenchmarkVerify measures what a token costs that was not seen before.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range algorithms {
		b.Run(alg, func(b *testing.B) {
			verifier, tokens := benchmarkVerifier(b, alg, 1)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verifier.Verify(tokens[0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFirstSight measures what a token costs that the cache has not seen before, and is to remember.
func BenchmarkFirstSight(b *testing.B) {
	verifier, tokens := benchmarkVerifier(b, keys.ES256, 50_000)
	var cache *keys.Cache
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i%len(tokens) == 0 {
			b.StopTimer()
			if cache != nil {
				_ = cache.Close()
			}
			var err error
			cache, err = keys.NewCache(verifier, 100_000)
			require.NoError(b, err)
			b.StartTimer()
		}
		if _, err := cache.Verify(tokens[i%len(tokens)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	_ = cache.Close()
}

// BenchmarkCache measures what a token costs that was seen before.
func BenchmarkCache(b *testing.B) {
	verifier, tokens := benchmarkVerifier(b, keys.EdDSA, 2000)
	cache, err := keys.NewCache(verifier, 100_000)
	require.NoError(b, err)
	defer func() { _ = cache.Close() }()
	for _, token := range tokens {
		_, err := cache.Verify(token)
		require.NoError(b, err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := cache.Verify(tokens[i%len(tokens)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
