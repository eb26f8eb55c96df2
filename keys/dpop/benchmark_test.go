package dpop_test

import (
	"testing"

	"gatehouse/keys/dpop"
)

// BenchmarkVerify measures what a proof adds to a request, but for its place in Redis.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range dpop.Algorithms() {
		b.Run(alg, func(b *testing.B) {
			c := newClient(b, alg)
			v, proof, asked := verifier(), c.proof(b, goodClaims(nil)), request()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(proof, asked); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("of another key", func(b *testing.B) {
		v, proof, asked := verifier(), newClient(b, "ES256").proof(b, goodClaims(nil)), request()
		asked.Thumbprint = "another"
		for b.Loop() {
			if _, err := v.Verify(proof, asked); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}
