package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"

	"gatehouse/keys/strictjson"
)

const (
	minRSABits = 2048
	// maxRSABits bounds the work of a signature. One with a larger key would hardly fit into a proof.
	maxRSABits = 4096
)

// privateMembers are what a public key does not have (RFC 7518 sections 6.2.2, 6.3.2 and 6.4; RFC 8037 section 2).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// publicKey is the key of a proof.
type publicKey struct {
	key        crypto.PublicKey
	thumbprint string
}

// IsThumbprint holds for the form of an RFC 7638 SHA-256 thumbprint.
func IsThumbprint(text string) bool {
	sum, err := decode(nil, text)
	return err == nil && len(sum) == sha256.Size
}

// parseKey reads the public key of a header (RFC 9449 section 4.2). Its numbers have the one spelling of RFC 7518, so that a
// key has one thumbprint.
func parseKey(jwk strictjson.Object, alg string) (publicKey, error) {
	for _, name := range privateMembers {
		if _, is := jwk[name]; is {
			return publicKey{}, ErrKey
		}
	}
	m := members{jwk: jwk}
	if use := m.text("use"); use != "" && use != "sig" {
		return publicKey{}, ErrKey
	}
	if own := m.text("alg"); own != "" && own != alg {
		return publicKey{}, ErrAlgorithm
	}
	var key crypto.PublicKey
	var canonical string
	switch kty, crv := m.text("kty"), m.text("crv"); {
	case kty == "EC" && crv == "P-256":
		key, canonical = m.p256()
	case kty == "OKP" && crv == "Ed25519":
		key, canonical = m.ed25519()
	case kty == "RSA":
		key, canonical = m.rsa()
	}
	if m.wrong || key == nil {
		return publicKey{}, ErrKey
	}
	sum := sha256.Sum256([]byte(canonical))
	return publicKey{key, base64.RawURLEncoding.EncodeToString(sum[:])}, nil
}

// members reads those of a JWK, and notes when one is wrong. What describes the key itself is returned beside it as RFC 7638
// section 3 has it.
type members struct {
	jwk   strictjson.Object
	wrong bool
}

func (m *members) text(name string) string {
	text, err := m.jwk.Text(name)
	m.wrong = m.wrong || err != nil
	return text
}

func (m *members) bytes(name string) (decoded []byte, text string) {
	text = m.text(name)
	decoded, err := decode(nil, text)
	m.wrong = m.wrong || err != nil || text == ""
	return decoded, text
}

// number is a Base64urlUInt (RFC 7518 section 2), which has no leading zeros.
func (m *members) number(name string) (*big.Int, string) {
	decoded, text := m.bytes(name)
	m.wrong = m.wrong || len(decoded) == 0 || decoded[0] == 0
	return new(big.Int).SetBytes(decoded), text
}

func (m *members) p256() (crypto.PublicKey, string) {
	x, xText := m.bytes("x")
	y, yText := m.bytes("y")
	const size = 32
	if len(x) != size || len(y) != size {
		return nil, ""
	}
	point := make([]byte, 1, 1+2*size)
	point[0] = 4 // SEC 1: uncompressed
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append(point, x...), y...))
	if err != nil { // it does not lie on the curve
		return nil, ""
	}
	return key, `{"crv":"P-256","kty":"EC","x":"` + xText + `","y":"` + yText + `"}`
}

func (m *members) ed25519() (crypto.PublicKey, string) {
	x, text := m.bytes("x")
	if len(x) != ed25519.PublicKeySize {
		return nil, ""
	}
	return ed25519.PublicKey(x), `{"crv":"Ed25519","kty":"OKP","x":"` + text + `"}`
}

func (m *members) rsa() (crypto.PublicKey, string) {
	n, nText := m.number("n")
	e, eText := m.number("e")
	bits := n.BitLen()
	if bits < minRSABits || bits > maxRSABits || n.Bit(0) == 0 || e.BitLen() > 31 || e.Int64() < 3 || e.Bit(0) == 0 {
		return nil, ""
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, `{"e":"` + eText + `","kty":"RSA","n":"` + nText + `"}`
}
