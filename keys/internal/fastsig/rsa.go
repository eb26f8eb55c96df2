package fastsig

import (
	"bytes"
	"crypto"
	"crypto/fips140"
	"crypto/rsa"
	"crypto/sha256"

	"filippo.io/bigmod"
)

// Moduli of these sizes are prepared. The standard library refuses smaller ones and verifies with larger ones.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// sha256Info is the beginning of the DigestInfo of a SHA-256 digest (RFC 8017 section 9.2, note 1).
const sha256Info = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"

// RSA is an RSA public key with what the standard library computes for each signature anew. It never changes and is safe
// for concurrent use.
type RSA struct {
	public  *rsa.PublicKey
	modulus *bigmod.Modulus // nil when the standard library verifies
	// encoded is what all encoded messages of the key begin with: everything but the digest.
	encoded []byte
}

// NewRSA returns the key. A key of unusual form is left to the standard library, to accept or to refuse, and in FIPS 140
// mode every key is.
func NewRSA(public *rsa.PublicKey) *RSA {
	k := &RSA{public: public}
	bits := public.N.BitLen()
	usual := minRSABits <= bits && bits <= maxRSABits && public.N.Bit(0) == 1 &&
		3 <= public.E && public.E <= 1<<31-1 && public.E%2 == 1
	if !usual || fips140.Enabled() {
		return k
	}
	modulus, err := bigmod.NewModulus(public.N.Bytes())
	if err != nil {
		return k
	}
	k.modulus = modulus
	k.encoded = bytes.Repeat([]byte{0xff}, modulus.Size()-sha256.Size)
	k.encoded[0], k.encoded[1] = 0, 1
	info := k.encoded[len(k.encoded)-len(sha256Info)-1:]
	info[0] = 0
	copy(info[1:], sha256Info)
	return k
}

// Verify reports whether signature is the key's RSASSA-PKCS1-v1_5 signature of the SHA-256 digest (RFC 8017 section
// 8.2.2): it has the length of the modulus and represents a number below it, whose power is the number that the one
// encoding of the digest represents. Nothing of the encoding is parsed.
func (k *RSA) Verify(digest *[sha256.Size]byte, signature []byte) bool {
	if k.modulus == nil {
		return rsa.VerifyPKCS1v15(k.public, crypto.SHA256, digest[:], signature) == nil
	}
	if len(signature) != k.modulus.Size() {
		return false
	}
	s, err := bigmod.NewNat().SetBytes(signature, k.modulus)
	if err != nil {
		return false
	}
	var buffer [minRSABits / 8]byte
	expected, err := bigmod.NewNat().SetBytes(append(append(buffer[:0], k.encoded...), digest[:]...), k.modulus)
	if err != nil {
		return false
	}
	return bigmod.NewNat().ExpShortVarTime(s, uint(k.public.E), k.modulus).Equal(expected) == 1
}
