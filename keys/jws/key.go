package jws

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
	// maxRSABits bounds the work of a signature.
	maxRSABits = 4096
)

// privateMembers are what a public key does not have (RFC 7518 sections 6.2.2, 6.3.2 and 6.4; RFC 8037 section 2).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// Key is a public key that verifies signatures.
type Key struct {
	// ID is its kid, Algorithm the only one that it may be used with; each is empty where it does not say.
	ID, Algorithm string
	// Thumbprint is that of RFC 7638, with SHA-256.
	Thumbprint string

	key crypto.PublicKey
}

// IsThumbprint holds for the form of an RFC 7638 SHA-256 thumbprint.
func IsThumbprint(text string) bool {
	sum, err := Decode(nil, text)
	return err == nil && len(sum) == sha256.Size
}

// IsPublic reports whether a JWK has no member that tells a secret, of whatever kind the key is.
func IsPublic(jwk strictjson.Object) bool {
	for _, name := range privateMembers {
		if _, is := jwk[name]; is {
			return false
		}
	}
	return true
}

// ParseKey reads a JWK that is a public key for signatures. Its numbers have the one spelling of RFC 7518, so that a key has one
// thumbprint. The error is ErrKey.
func ParseKey(jwk strictjson.Object) (Key, error) {
	if !IsPublic(jwk) {
		return Key{}, ErrKey
	}
	m := members{jwk: jwk}
	if use := m.text("use"); use != "" && use != "sig" {
		return Key{}, ErrKey
	}
	k := Key{ID: m.text("kid"), Algorithm: m.text("alg")}
	var canonical string
	switch kty, crv := m.text("kty"), m.text("crv"); {
	case kty == "EC" && crv == "P-256":
		k.key, canonical = m.p256()
	case kty == "OKP" && crv == "Ed25519":
		k.key, canonical = m.ed25519()
	case kty == "RSA":
		k.key, canonical = m.rsa()
	}
	if m.wrong || k.key == nil {
		return Key{}, ErrKey
	}
	sum := sha256.Sum256([]byte(canonical))
	k.Thumbprint = base64.RawURLEncoding.EncodeToString(sum[:])
	return k, nil
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
	decoded, err := Decode(nil, text)
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
