package keys

import (
	"crypto/rsa"
	"encoding/base64"
	"time"
)

// SignRaw signs any header and payload, JSON or not: what an issuer with a bug could let out.
func (k *Key) SignRaw(header, payload []byte) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(header) + "." + encode(payload)
	signature, err := sign(k.private, []byte(input))
	return input + "." + encode(signature), err
}

// KeySet is PublicKeys that do not change.
type KeySet map[string]PublicKey

// PublicKey implements PublicKeys.
func (s KeySet) PublicKey(kid string) (PublicKey, error) {
	key, ok := s[kid]
	if !ok {
		return PublicKey{}, ErrUnknownKey
	}
	return key, nil
}

// ParseJWKS reads the keys of a JSON Web Key Set.
func ParseJWKS(document []byte) (KeySet, error) { return ParseJWKSAgain(document, nil) }

// ParseJWKSAgain reads the keys of a JSON Web Key Set that takes the place of another.
func ParseJWKSAgain(document []byte, before KeySet) (KeySet, error) {
	set, err := parseJWKS(document)
	precompute(set, before)
	return set, err
}

// Tables counts the keys that have a table, and those that may have one.
func Tables(known PublicKeys) (made, places int) {
	var set map[string]PublicKey
	switch known := known.(type) {
	case *Ring:
		set = known.current.Load().public
	case *Remote:
		set = known.known.Load().keys
	case KeySet:
		set = known
	}
	for _, key := range set {
		if fast, ok := key.signatures.(*precomputed); ok {
			places++
			if fast.table.Load() != nil {
				made++
			}
		}
	}
	return made, places
}

// TableOfP256 is the table of a point.
func TableOfP256(encoded []byte) (*p256Table, error) { return newP256Table(encoded) }

// VerifyP256 is the equation alone, without the rule that s is low.
func VerifyP256(table *p256Table, digest [32]byte, signature [64]byte) bool {
	return verifyP256(table, &digest, &signature)
}

// VerifyES256 checks a digest's signature as a token's is checked.
func VerifyES256(table *p256Table, digest [32]byte, signature []byte) bool {
	return canonicalES256(signature) && verifyP256(table, &digest, (*[64]byte)(signature))
}

// VerifierOfRS256 checks signatures of an RSA key as a token's are checked, on this processor and, with the same answer, on
// one without IFMA. It also reports whether that is done here and not by the standard library.
func VerifierOfRS256(public *rsa.PublicKey) (verify func(signingInput, signature []byte) bool, here bool) {
	k := newRS256(public)
	plain := *k
	plain.fast = nil
	return func(signingInput, signature []byte) bool {
		good := k.verify(signingInput, signature)
		if plain.verify(signingInput, signature) != good {
			panic("two processors disagree about a signature")
		}
		return good
	}, k.modulus != nil
}

// SetPatience is for tests that cannot wait for a Remote to say that it has no keys.
func (r *Remote) SetPatience(patience time.Duration) { r.patience = patience }
