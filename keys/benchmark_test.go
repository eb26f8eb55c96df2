package keys_test

import (
	"testing"
	"time"

	"gatehouse/keys"
)

// BenchmarkVerify measures what a token costs that was not seen before.
func BenchmarkVerify(b *testing.B) {
	for _, algorithm := range []string{keys.ES256, keys.RS256, keys.EdDSA} {
		b.Run(algorithm, func(b *testing.B) {
			key, err := keys.Generate(algorithm)
			if err != nil {
				b.Fatal(err)
			}
			ring, err := keys.NewRing(key)
			if err != nil {
				b.Fatal(err)
			}
			now := time.Now()
			token, err := key.Sign(keys.TypeAccessToken, map[string]any{
				"iss": "https://gatehouse.example", "aud": "https://gatehouse.example", "sub": "7", "client_id": "app",
				"scope": "balance:read invoices:read", "jti": "token-1", "grant_id": "grant-1",
				"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
			})
			if err != nil {
				b.Fatal(err)
			}
			verifier := keys.Verifier{Issuer: "https://gatehouse.example", Audience: "https://gatehouse.example", Keys: ring}
			text := []byte(token)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verifier.Verify(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
