package dpop

import (
	"errors"

	"gatehouse/keys/jws"
)

const (
	// typeProof is the typ of every proof (RFC 9449 section 4.2).
	typeProof = "dpop+jwt"
	// MaxSize is the most bytes that a proof can have. The largest one that a client needs, of an RSA key with 4096 bits, has
	// less than half of it.
	MaxSize = 4 << 10
	// MaxID is the most bytes that a jti can have.
	MaxID = 256
)

// Algorithms returns what a server says in dpop_signing_alg_values_supported (RFC 9449 section 5.1).
func Algorithms() []string { return jws.Algorithms() }

// IsThumbprint holds for the form of the thumbprint of a key.
func IsThumbprint(text string) bool { return jws.IsThumbprint(text) }

// compact is a proof whose signature was not looked at, and the key that it brings.
type compact struct {
	jws.Message
	key jws.Key
}

// parse takes a proof apart.
func parse(proof string) (compact, error) {
	m, err := jws.Parse(proof, MaxSize)
	if err != nil {
		return compact{}, asRefusal(err)
	}
	if typ, err := m.Header.Text("typ"); err != nil || typ != typeProof {
		return compact{}, ErrHeader
	}
	jwk, err := m.Header.Object("jwk")
	if err != nil || jwk == nil {
		return compact{}, ErrKey
	}
	key, err := jws.ParseKey(jwk)
	if err != nil {
		return compact{}, asRefusal(err)
	}
	if !key.Fits(m.Algorithm) {
		return compact{}, ErrAlgorithm
	}
	return compact{m, key}, nil
}

// asRefusal is the reason for which a proof with this error is invalid.
func asRefusal(err error) error {
	switch {
	case errors.Is(err, jws.ErrHeader):
		return ErrHeader
	case errors.Is(err, jws.ErrAlgorithm):
		return ErrAlgorithm
	case errors.Is(err, jws.ErrKey):
		return ErrKey
	default:
		return ErrMalformed
	}
}
