package keys

import (
	"crypto/elliptic"
	"crypto/sha256"
	"math/big"
	"sync"

	"filippo.io/nistec"
)

// p256Order is n, the number of points of P-256.
var p256Order = elliptic.P256().Params().N

// p256Numbers are those of one verification, kept for the next so that they need no new memory.
type p256Numbers struct{ r, s, e, w, u1, u2, x, v, product, quotient big.Int }

var p256Memory = sync.Pool{New: func() any { return new(p256Numbers) }}

// verifyP256 checks an ECDSA signature r || s of a digest as FIPS 186-5 section 6.4.2 does (SEC 1 section 4.1.4): r and s
// are in [1, n-1], and the x coordinate of (e/s)·G + (r/s)·Q, which is not the point at infinity, is r modulo n. A digest
// has as many bits as n, so that e is all of it. The table is of the public key Q. No number here is secret, so that
// math/big, whose time depends on them, is good enough.
func verifyP256(key *p256Table, digest *[sha256.Size]byte, signature *[2 * p256ScalarSize]byte) bool {
	m := p256Memory.Get().(*p256Numbers)
	defer p256Memory.Put(m)
	m.r.SetBytes(signature[:p256ScalarSize])
	m.s.SetBytes(signature[p256ScalarSize:])
	if !isP256Scalar(&m.r) || !isP256Scalar(&m.s) {
		return false
	}
	m.e.SetBytes(digest[:])
	m.w.ModInverse(&m.s, p256Order)

	var u1, u2 [p256ScalarSize]byte
	m.reduce(&m.u1, m.product.Mul(&m.e, &m.w)).FillBytes(u1[:])
	m.reduce(&m.u2, m.product.Mul(&m.r, &m.w)).FillBytes(u2[:])
	sum, err := nistec.NewP256Point().ScalarBaseMult(u1[:])
	if err != nil {
		return false
	}
	key.addProduct(sum, &u2)
	x, err := sum.BytesX()
	if err != nil {
		return false // the point at infinity
	}
	return m.reduce(&m.v, m.x.SetBytes(x)).Cmp(&m.r) == 0
}

// isP256Scalar holds for numbers in [1, n-1], given that none is negative.
func isP256Scalar(number *big.Int) bool {
	return number.Sign() != 0 && number.Cmp(p256Order) < 0
}

// reduce sets remainder to what number is modulo n.
func (m *p256Numbers) reduce(remainder, number *big.Int) *big.Int {
	m.quotient.QuoRem(number, p256Order, remainder)
	return remainder
}
