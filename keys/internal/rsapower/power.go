// Package rsapower raises numbers to the power 65537 modulo the modulus of an RSA key of 2048 bits, which is nearly all that
// verifying a signature of RS256 costs. It does so with the instructions of AVX-512 IFMA, in half the time of general
// big-number arithmetic, and does nothing on processors without them. Its numbers are public, and how long it takes may
// depend on them: it must not be given a private key's.
package rsapower

import "math/big"

// Size is the length in bytes of a modulus and of a number below it.
const Size = 256

// Modulus is an odd number of 2048 bits, with what depends on it alone. It is safe for concurrent use.
type Modulus struct {
	n digits
	// inverse is -1/n modulo 2**52.
	inverse uint64
	// square is r**2 modulo n, where r is 2**2080, what montgomery divides by.
	square digits
}

// New prepares a modulus. It returns nil where it can do nothing: on another processor, and for a number that is even or has
// not 2048 bits.
func New(n *big.Int) *Modulus {
	if !supported || n.Sign() < 0 || n.BitLen() != 8*Size || n.Bit(0) == 0 {
		return nil
	}
	digit := new(big.Int).Lsh(big.NewInt(1), digitBits)
	inverse := new(big.Int).ModInverse(n, digit)
	square := new(big.Int).Lsh(big.NewInt(1), 2*digitBits*uint(len(digits{})))
	return &Modulus{
		n:       digitsOf(n),
		inverse: inverse.Sub(digit, inverse).Uint64(),
		square:  digitsOf(square.Mod(square, n)),
	}
}

// Power65537 is base**65537 modulo the modulus. It is false, and power means nothing, when base is not below the modulus.
// Both are big-endian.
func (m *Modulus) Power65537(base *[Size]byte) (power [Size]byte, ok bool) {
	var x, b digits
	b.setBytes(base)
	if !b.less(&m.n) {
		return power, false
	}
	m.multiply(&x, &b, &m.square) // base*r
	for range 16 {
		m.multiply(&x, &x, &x)
	}
	m.multiply(&x, &x, &b) // base**65536*r, times base, without the r
	if !x.less(&m.n) {
		x.subtract(&m.n)
	}
	x.bytes(&power)
	return power, true
}

// multiply sets product to a*b/r modulo n, or n more. It may be one of its factors, each of which is below 2n. Then the
// product is, too: it is less than n + a*b/r, and r is more than 2**32 n.
func (m *Modulus) multiply(product, a, b *digits) {
	montgomery(product, a, b, &m.n, m.inverse)
	product.carry()
}
