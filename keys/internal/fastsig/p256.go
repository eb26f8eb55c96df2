package fastsig

import (
	"crypto/elliptic"
	"crypto/sha256"
	"math/big"
	"sync"

	"filippo.io/nistec"
)

// scalarSize is that of a number modulo p256Order.
const scalarSize = 32

// p256Order is n, the number of points of P-256.
var p256Order = elliptic.P256().Params().N

// p256Numbers are those of one verification, kept for the next so that they need no new memory.
type p256Numbers struct{ r, s, e, w, u1, u2, x, v, product, quotient big.Int }

var p256Memory = sync.Pool{New: func() any { return new(p256Numbers) }}

// Verify reports whether signature, r || s as in RFC 7518 section 3.4, is the key's for the digest. Of the two values of s
// that are valid it accepts both.
//
// The check is that of FIPS 186-5 section 6.4.2 (SEC 1 section 4.1.4): r and s are in [1, n-1], and the point
// (e/s)·G + (r/s)·Q is not at infinity and has an x coordinate that is r modulo n. e is the whole digest, which has as
// many bits as n.
func (t *P256Table) Verify(digest *[sha256.Size]byte, signature *[2 * scalarSize]byte) bool {
	m := p256Memory.Get().(*p256Numbers)
	defer p256Memory.Put(m)
	m.r.SetBytes(signature[:scalarSize])
	m.s.SetBytes(signature[scalarSize:])
	if !isP256Scalar(&m.r) || !isP256Scalar(&m.s) {
		return false
	}
	m.e.SetBytes(digest[:])
	m.w.ModInverse(&m.s, p256Order)

	var u1, u2 [scalarSize]byte
	m.reduce(&m.u1, m.product.Mul(&m.e, &m.w)).FillBytes(u1[:])
	m.reduce(&m.u2, m.product.Mul(&m.r, &m.w)).FillBytes(u2[:])
	sum, err := nistec.NewP256Point().ScalarBaseMult(u1[:])
	if err != nil {
		return false
	}
	t.addProduct(sum, &u2)
	x, err := sum.BytesX()
	if err != nil {
		return false // the point at infinity
	}
	return m.reduce(&m.v, m.x.SetBytes(x)).Cmp(&m.r) == 0
}

// isP256Scalar reports whether number, which is not negative, is in [1, n-1].
func isP256Scalar(number *big.Int) bool {
	return number.Sign() != 0 && number.Cmp(p256Order) < 0
}

// reduce sets remainder to number modulo n, and returns it.
func (m *p256Numbers) reduce(remainder, number *big.Int) *big.Int {
	m.quotient.QuoRem(number, p256Order, remainder)
	return remainder
}
