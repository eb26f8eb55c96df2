package keys

import (
	"bytes"
	"crypto"
	"crypto/fips140"
	"crypto/rsa"
	"crypto/sha256"

	"filippo.io/bigmod"

	"gatehouse/keys/internal/rsapower"
)

const (
	rsaBits = 2048
	// maxRSABits bounds the moduli that are prepared; the standard library verifies with larger ones.
	maxRSABits = 8192
)

// sha256Info is the beginning of the DigestInfo of a SHA-256 digest (RFC 8017 section 9.2, note 1).
const sha256Info = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"

// rs256 is an RSA key, with what depends on it alone and the standard library computes for each signature anew.
type rs256 struct {
	public  *rsa.PublicKey
	modulus *bigmod.Modulus   // nil when the standard library verifies
	fast    *rsapower.Modulus // nil when the key, or the processor, is not of its kind
	// encoded is what all encoded messages of the key begin with: everything but the digest.
	encoded []byte
}

// newRS256 leaves to the standard library, to refuse or to accept, what is not the usual form of a key, and everything
// where only its own code is validated.
func newRS256(public *rsa.PublicKey) *rs256 {
	k := &rs256{public: public}
	bits := public.N.BitLen()
	usual := rsaBits <= bits && bits <= maxRSABits && public.N.Bit(0) == 1 &&
		3 <= public.E && public.E <= 1<<31-1 && public.E%2 == 1
	if !usual || fips140.Enabled() {
		return k
	}
	modulus, err := bigmod.NewModulus(public.N.Bytes())
	if err != nil {
		return k
	}
	k.modulus = modulus
	if public.E == 65537 {
		k.fast = rsapower.New(public.N)
	}
	k.encoded = bytes.Repeat([]byte{0xff}, modulus.Size()-sha256.Size)
	k.encoded[0], k.encoded[1] = 0, 1
	info := k.encoded[len(k.encoded)-len(sha256Info)-1:]
	info[0] = 0
	copy(info[1:], sha256Info)
	return k
}

func (k *rs256) verify(signingInput, signature []byte) bool {
	digest := sha256.Sum256(signingInput)
	if k.modulus == nil {
		return rsa.VerifyPKCS1v15(k.public, crypto.SHA256, digest[:], signature) == nil
	}
	return k.verifyDigest(&digest, signature)
}

// verifyDigest is RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2): the signature is as long as the modulus and represents a
// number below it, and its power is the number that the one encoding of the digest represents. Nothing of it is parsed.
func (k *rs256) verifyDigest(digest *[sha256.Size]byte, signature []byte) bool {
	if len(signature) != k.modulus.Size() {
		return false
	}
	var buffer [rsaBits / 8]byte
	encoded := append(append(buffer[:0], k.encoded...), digest[:]...)
	if k.fast != nil {
		power, ok := k.fast.Power65537((*[rsapower.Size]byte)(signature))
		return ok && bytes.Equal(power[:], encoded)
	}
	s, err := bigmod.NewNat().SetBytes(signature, k.modulus)
	if err != nil {
		return false
	}
	expected, err := bigmod.NewNat().SetBytes(encoded, k.modulus)
	if err != nil {
		return false
	}
	return bigmod.NewNat().ExpShortVarTime(s, uint(k.public.E), k.modulus).Equal(expected) == 1
}
