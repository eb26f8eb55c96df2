package fastsig

import (
	"crypto/fips140"
	"errors"

	"filippo.io/nistec"
)

// P256Table is a public key of P-256 as multiples of its point, so that a product with the point is a sum of at most 33 of
// them and takes no doubling. It takes 384 KiB. It never changes and is safe for concurrent use.
//
// A scalar is read as 32 signed digits in base 256, from -127 to 128. windows[i][d-1] is d·256^i times the point.
type P256Table struct {
	windows [scalarSize][128]nistec.P256Point
	// beyond is 256^32 times the point, for what the highest digit carries over.
	beyond nistec.P256Point
}

var (
	errFIPS     = errors.New("only the standard library verifies in FIPS 140 mode")
	errInfinity = errors.New("the point at infinity is not a public key")
)

// NewP256Table returns the table of a public key in the form of SEC 1 section 2.3.3, as ecdsa.PublicKey.Bytes returns it.
// It takes about four thousand additions of points, some two milliseconds. It fails for what is not a point of the curve,
// for the point at infinity, and in FIPS 140 mode.
func NewP256Table(publicKey []byte) (*P256Table, error) {
	if fips140.Enabled() {
		return nil, errFIPS
	}
	point, err := nistec.NewP256Point().SetBytes(publicKey)
	if err != nil {
		return nil, err
	}
	if point.IsInfinity() == 1 {
		return nil, errInfinity
	}
	t := &P256Table{}
	for i := range t.windows {
		window := &t.windows[i]
		window[0].Set(point)
		for d := 1; d < len(window); d++ {
			window[d].Add(&window[d-1], point)
		}
		point.Double(&window[len(window)-1])
	}
	t.beyond.Set(point)
	return t, nil
}

// addProduct adds scalar times the point to sum. How long it takes depends on scalar, which is no secret in a
// verification. nistec's addition is complete: sum may be the point at infinity, or equal to what is added, or its inverse.
func (t *P256Table) addProduct(sum *nistec.P256Point, scalar *[scalarSize]byte) {
	var negative nistec.P256Point
	carry := 0
	for i := range t.windows {
		digit := int(scalar[len(scalar)-1-i]) + carry
		carry = 0
		if digit > len(t.windows[i]) {
			digit -= 256
			carry = 1
		}
		switch {
		case digit > 0:
			sum.Add(sum, &t.windows[i][digit-1])
		case digit < 0:
			sum.Add(sum, negative.Negate(&t.windows[i][-digit-1]))
		}
	}
	if carry == 1 {
		sum.Add(sum, &t.beyond)
	}
}
