package fastsig_test

import (
	"math/big"
	"testing"
)

// FuzzP256AgainstStandard tries any digest and signature with one of a few keys, most of whose multiples meet the
// generator's; and the signature that this key makes with the given numbers in the places of e/s and r/s.
func FuzzP256AgainstStandard(f *testing.F) {
	var tried []p256Key
	for _, d := range []*big.Int{
		big.NewInt(1), big.NewInt(-1), big.NewInt(2), big.NewInt(128), inverse(big.NewInt(256)),
		fromHex(f, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"), // of RFC 6979 section A.2.5
	} {
		tried = append(tried, p256KeyOf(f, d))
	}
	number := func(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }
	one, last := big.NewInt(1), sub(p256N, big.NewInt(1))
	for i := range tried {
		for _, a := range []*big.Int{new(big.Int), one, last, p256N, sub(twoTo256, one), fromHex(f, "80818000ff7f")} {
			for _, b := range []*big.Int{one, last, sub(twoTo256, one)} {
				f.Add(byte(i), number(a), number(b), number(a))
			}
		}
	}
	f.Fuzz(func(t *testing.T, which byte, a, b, c []byte) {
		key := tried[int(which)%len(tried)]
		var x, y, z big.Int
		for i, number := range []*big.Int{&x, &y, &z} {
			encoded := [][]byte{a, b, c}[i]
			number.SetBytes(encoded[:min(len(encoded), 32)])
		}
		key.check(t, &z, &x, &y)
		if mod(&y).Sign() == 0 {
			return
		}
		u1, u2 := mod(&x), mod(&y)
		digest, r, s := key.signature(t, u1, u2)
		atInfinity := mod(add(u1, mul(u2, key.d))).Sign() == 0
		if good := key.check(t, digest, r, s); good == atInfinity {
			t.Fatalf("good is %t: key %x, u1 %x, u2 %x", good, key.d, u1, u2)
		}
		key.check(t, &z, r, s)
	})
}
