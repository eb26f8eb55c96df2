package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"

	"github.com/lestrrat-go/jwx/v2/jwa"
)

// The algorithms that tokens are signed with. Anything else, "none" and every HMAC among them, has no code path here.
const (
	ES256 = "ES256"
	RS256 = "RS256"
	EdDSA = "EdDSA"
)

const (
	rsaBits        = 2048
	p256ScalarSize = 32
)

// p256HalfOrder divides the two values of s that make a valid ES256 signature: only the lower one is canonical.
var (
	p256HalfOrder      = new(big.Int).Rsh(elliptic.P256().Params().N, 1)
	p256HalfOrderBytes = p256HalfOrder.FillBytes(make([]byte, p256ScalarSize))
)

func generatePrivate(alg string) (crypto.Signer, error) {
	switch alg {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	default:
		return nil, fmt.Errorf("%w, not %q", ErrUnsupportedAlgorithm, alg)
	}
}

// signatureAlgorithm checks that a public key is one that alg signs with. The algorithm comes from the JWK's own "alg",
// never from the key's type: a token must not be able to choose how it is checked.
func signatureAlgorithm(alg jwa.KeyAlgorithm, public crypto.PublicKey) (string, error) {
	name := alg.String()
	fits := false
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		fits = name == ES256 && key.Curve == elliptic.P256()
	case *rsa.PublicKey:
		fits = name == RS256 && key.N.BitLen() >= rsaBits
	case ed25519.PublicKey:
		fits = name == EdDSA
	}
	if !fits {
		return "", fmt.Errorf("%w, not %q with a %T", ErrUnsupportedAlgorithm, name, public)
	}
	return name, nil
}

func sign(private crypto.Signer, signingInput []byte) ([]byte, error) {
	digest := sha256.Sum256(signingInput)
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		return signES256(key, digest[:])
	case *rsa.PrivateKey:
		return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	case ed25519.PrivateKey:
		return ed25519.Sign(key, signingInput), nil
	default:
		return nil, fmt.Errorf("%w, not that of a %T", ErrUnsupportedAlgorithm, private)
	}
}

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
	signature := make([]byte, 2*p256ScalarSize)
	r.FillBytes(signature[:p256ScalarSize])
	s.FillBytes(signature[p256ScalarSize:])
	return signature, nil
}

func verify(public crypto.PublicKey, signingInput, signature []byte) bool {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return verifyES256(key, signingInput, signature)
	case *rsa.PublicKey:
		digest := sha256.Sum256(signingInput)
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(key, signingInput, signature)
	default:
		return false
	}
}

func verifyES256(key *ecdsa.PublicKey, signingInput, signature []byte) bool {
	if len(signature) != 2*p256ScalarSize {
		return false
	}
	r, s := signature[:p256ScalarSize], signature[p256ScalarSize:]
	if bytes.Compare(s, p256HalfOrderBytes) > 0 {
		return false
	}
	digest := sha256.Sum256(signingInput)
	var buffer [maxDERSize]byte
	return ecdsa.VerifyASN1(key, digest[:], appendDER(buffer[:0], r, s))
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
