package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"slices"
)

// algorithms are those that a message can be signed with. EdDSA and Ed25519 (RFC 9864) are two names of one. ES384 is not among
// them: it takes several times as long to verify, and every client that has it has ES256.
var algorithms = []string{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"}

// Algorithms returns the names of the algorithms that there are.
func Algorithms() []string { return slices.Clone(algorithms) }

// Fits reports whether alg is one that signs with the key: never what a message asks for alone.
func (k Key) Fits(alg string) bool {
	if k.Algorithm != "" && k.Algorithm != alg {
		return false
	}
	switch k.key.(type) {
	case *ecdsa.PublicKey:
		return alg == "ES256"
	case ed25519.PublicKey:
		return alg == "EdDSA" || alg == "Ed25519"
	case *rsa.PublicKey:
		return alg == "PS256" || alg == "RS256"
	}
	return false
}

// verify checks a signature by an alg that fits.
func (k Key) verify(alg, signingInput string, signature []byte) bool {
	switch key := k.key.(type) {
	case *ecdsa.PublicKey:
		const scalar = 32 // RFC 7518 section 3.4
		if len(signature) != 2*scalar {
			return false
		}
		digest := sha256.Sum256([]byte(signingInput))
		r, s := new(big.Int).SetBytes(signature[:scalar]), new(big.Int).SetBytes(signature[scalar:])
		return ecdsa.Verify(key, digest[:], r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(key, []byte(signingInput), signature)
	case *rsa.PublicKey:
		digest := sha256.Sum256([]byte(signingInput))
		if alg == "PS256" {
			return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}
