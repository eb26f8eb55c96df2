package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"

	"gatehouse/keys/internal/fastsig"
)

// rsaBits is the size of RSA keys made here, and the least of those accepted.
const rsaBits = 2048

// The algorithms that tokens are signed with. Anything else, "none" and every HMAC among them, has no code path here.
const (
	ES256 = "ES256"
	RS256 = "RS256"
	EdDSA = "EdDSA"
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

// signatures checks what one public key has signed. It is safe for concurrent use.
type signatures interface {
	verify(signingInput, signature []byte) bool
}

// signaturesOf is nil for a key that signatureAlgorithm refuses.
func signaturesOf(public crypto.PublicKey) signatures {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return &es256{key}
	case *rsa.PublicKey:
		return rs256{fastsig.NewRSA(key)}
	case ed25519.PublicKey:
		return eddsa(key)
	default:
		return nil
	}
}

type rs256 struct{ key *fastsig.RSA }

func (k rs256) verify(signingInput, signature []byte) bool {
	digest := sha256.Sum256(signingInput)
	return k.key.Verify(&digest, signature)
}

type eddsa ed25519.PublicKey

func (k eddsa) verify(signingInput, signature []byte) bool {
	return ed25519.Verify(ed25519.PublicKey(k), signingInput, signature)
}
