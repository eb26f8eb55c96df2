package keys

import (
	"errors"

	"filippo.io/nistec"
)

// p256Table holds multiples of one point, so that a product with it is a sum of at most 33 of them and takes no doubling.
// It is 384 KiB large, takes about four thousand additions to make, and is never changed after that.
//
// A scalar is read as 32 signed digits in base 256, from -127 to 128. windows[i][d-1] is d·256^i times the point.
type p256Table struct {
	windows [p256ScalarSize][128]nistec.P256Point
	// beyond is 256^32 times the point, for what the highest digit carries over.
	beyond nistec.P256Point
}

// newP256Table refuses what is not a point of the curve, and the point at infinity, which is nobody's public key. encoded
// is in the form of SEC 1, section 2.3.3.
func newP256Table(encoded []byte) (*p256Table, error) {
	point, err := nistec.NewP256Point().SetBytes(encoded)
	if err != nil {
		return nil, err
	}
	if point.IsInfinity() == 1 {
		return nil, errors.New("the point at infinity is not a public key")
	}
	t := &p256Table{}
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

// addProduct adds scalar times the point to sum. It takes different time for different scalars, which are no secret where
// signatures are verified. nistec's addition is complete: sum may be the point at infinity, or what is added, or its
// inverse.
func (t *p256Table) addProduct(sum *nistec.P256Point, scalar *[p256ScalarSize]byte) {
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
