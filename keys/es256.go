package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
)

// An ES256 signature is r || s, two scalars of P-256 (RFC 7518 section 3.4).
const (
	p256ScalarSize = 32
	es256Size      = 2 * p256ScalarSize
)

// p256HalfOrder divides the two values of s that make a valid ES256 signature: only the lower one is canonical.
var (
	p256HalfOrder      = new(big.Int).Rsh(elliptic.P256().Params().N, 1)
	p256HalfOrderBytes = p256HalfOrder.FillBytes(make([]byte, p256ScalarSize))
)

// signES256 returns r || s (RFC 7518 section 3.4) with the lower of the two possible values of s, so that each token
// has one valid signature and nobody can spell it differently.
func signES256(key *ecdsa.PrivateKey, digest []byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, key, digest)
	if err != nil {
		return nil, err
	}
	if s.Cmp(p256HalfOrder) > 0 {
		s.Sub(key.Params().N, s)
	}
	signature := make([]byte, es256Size)
	r.FillBytes(signature[:p256ScalarSize])
	s.FillBytes(signature[p256ScalarSize:])
	return signature, nil
}

// es256 is a P-256 key as the standard library checks its signatures.
type es256 struct{ public *ecdsa.PublicKey }

func (k *es256) verify(signingInput, signature []byte) bool {
	if !canonicalES256(signature) {
		return false
	}
	digest := sha256.Sum256(signingInput)
	return k.verifyDigest(&digest, signature)
}

// verifyDigest is for a signature that is canonical.
func (k *es256) verifyDigest(digest *[sha256.Size]byte, signature []byte) bool {
	var buffer [maxDERSize]byte
	return ecdsa.VerifyASN1(k.public, digest[:], appendDER(buffer[:0], signature[:p256ScalarSize], signature[p256ScalarSize:]))
}

// canonicalES256 reports whether a signature is of the one length, and s the lower of its two values.
func canonicalES256(signature []byte) bool {
	return len(signature) == es256Size && bytes.Compare(signature[p256ScalarSize:], p256HalfOrderBytes) <= 0
}

// maxDERSize is that of a sequence of two scalars with a leading zero each, and three heads.
const maxDERSize = 3*2 + 2*(1+p256ScalarSize)

// appendDER appends an ECDSA signature in the form that crypto/ecdsa takes (RFC 3279 section 2.2.3).
func appendDER(dst, r, s []byte) []byte {
	dst = append(dst, 0x30, 0)
	for _, scalar := range [...][]byte{r, s} {
		scalar = bytes.TrimLeft(scalar, "\x00")
		if len(scalar) == 0 || scalar[0] >= 0x80 {
			dst = append(dst, 0x02, byte(len(scalar)+1), 0)
		} else {
			dst = append(dst, 0x02, byte(len(scalar)))
		}
		dst = append(dst, scalar...)
	}
	dst[1] = byte(len(dst) - 2)
	return dst
}
