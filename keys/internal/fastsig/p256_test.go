package fastsig_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"testing"

	"filippo.io/nistec"
	"github.com/stretchr/testify/require"

	"gatehouse/keys/internal/fastsig"
)

var (
	p256N    = elliptic.P256().Params().N
	p256P    = elliptic.P256().Params().P
	twoTo256 = new(big.Int).Lsh(big.NewInt(1), 256)
)

// p256Key is a public key as both verify with it: the standard library, and the table. It is d·G where d is known.
type p256Key struct {
	d        *big.Int
	standard *ecdsa.PublicKey
	table    *fastsig.P256Table
}

func p256KeyOf(tb testing.TB, d *big.Int) p256Key {
	tb.Helper()
	point, err := nistec.NewP256Point().ScalarBaseMult(mod(d).FillBytes(make([]byte, 32)))
	require.NoError(tb, err)
	key := p256KeyAt(tb, point)
	key.d = mod(d)
	return key
}

func p256KeyAt(tb testing.TB, point *nistec.P256Point) p256Key {
	tb.Helper()
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point.Bytes())
	require.NoError(tb, err)
	table, err := fastsig.NewP256Table(point.Bytes())
	require.NoError(tb, err)
	return p256Key{standard: public, table: table}
}

// check asks both, who must agree, and returns their answer.
func (k p256Key) check(tb testing.TB, digest, r, s *big.Int) bool {
	tb.Helper()
	var sum [32]byte
	var signature [64]byte
	digest.FillBytes(sum[:])
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	want := ecdsa.Verify(k.standard, sum[:], r, s)
	if got := k.table.Verify(&sum, &signature); got != want {
		tb.Fatalf("the table says %t and the standard library %t: key %v, digest %x, r %x, s %x", got, want, k.d, sum, r, s)
	}
	return want
}

// signature makes e and s so that e/s = u1 and r/s = u2, where r is the x coordinate of u1·G + u2·Q, or 7 when that is the
// point at infinity.
func (k p256Key) signature(tb testing.TB, u1, u2 *big.Int) (digest, r, s *big.Int) {
	tb.Helper()
	r = big.NewInt(7)
	sum := mod(add(u1, mul(u2, k.d)))
	if sum.Sign() != 0 {
		point, err := nistec.NewP256Point().ScalarBaseMult(sum.FillBytes(make([]byte, 32)))
		require.NoError(tb, err)
		x, err := point.BytesX()
		require.NoError(tb, err)
		r = mod(new(big.Int).SetBytes(x))
	}
	s = mod(mul(r, inverse(u2)))
	return mod(mul(u1, s)), r, s
}

func add(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
func sub(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }
func mul(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) }
func mod(a *big.Int) *big.Int    { return new(big.Int).Mod(a, p256N) }
func inverse(a *big.Int) *big.Int {
	return new(big.Int).ModInverse(mod(a), p256N)
}

func randomScalar(tb testing.TB) *big.Int {
	tb.Helper()
	scalar, err := rand.Int(rand.Reader, sub(p256N, big.NewInt(1)))
	require.NoError(tb, err)
	return scalar.Add(scalar, big.NewInt(1))
}

// specialKeys are those whose multiples meet the generator's, beside an ordinary one.
func specialKeys(tb testing.TB) map[string]p256Key {
	tb.Helper()
	special := make(map[string]p256Key)
	for name, d := range map[string]*big.Int{
		"G": big.NewInt(1), "-G": big.NewInt(-1), "2G": big.NewInt(2), "-2G": big.NewInt(-2), "3G": big.NewInt(3),
		"128G": big.NewInt(128), "256G": big.NewInt(256), "G/2": inverse(big.NewInt(2)), "G/256": inverse(big.NewInt(256)),
		"any": randomScalar(tb),
	} {
		special[name] = p256KeyOf(tb, d)
	}
	return special
}

func TestP256AgreesWithTheStandardLibraryOnSignatures(t *testing.T) {
	const keysTried, signaturesOfEach = 12, 60
	for range keysTried {
		key := p256KeyOf(t, randomScalar(t))
		private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), key.d.FillBytes(make([]byte, 32)))
		require.NoError(t, err)
		other := p256KeyOf(t, randomScalar(t))
		for i := range signaturesOfEach {
			sum := sha256.Sum256([]byte{byte(i)})
			digest := new(big.Int).SetBytes(sum[:])
			r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
			require.NoError(t, err)
			require.True(t, key.check(t, digest, r, s))
			require.True(t, key.check(t, digest, r, sub(p256N, s)), "the equation holds for both values of s")
			require.False(t, other.check(t, digest, r, s))
			require.False(t, key.check(t, digest, s, r))
			require.False(t, key.check(t, digest, mod(add(r, big.NewInt(1))), s))
			bit := new(big.Int).Lsh(big.NewInt(1), uint(i*4+3))
			require.False(t, key.check(t, new(big.Int).Xor(digest, bit), r, s))
			require.False(t, key.check(t, digest, new(big.Int).Xor(r, bit), s))
			require.False(t, key.check(t, digest, r, new(big.Int).Xor(s, bit)))
		}
	}
}

func TestP256AgreesWithTheStandardLibraryAtTheEndsOfEveryRange(t *testing.T) {
	one := big.NewInt(1)
	ends := []*big.Int{
		new(big.Int), one, sub(p256N, one), p256N, add(p256N, one), new(big.Int).Rsh(p256N, 1), add(new(big.Int).Rsh(p256N, 1), one),
		sub(p256P, p256N), sub(p256P, one), p256P, sub(twoTo256, one), randomScalar(t),
		new(big.Int).SetBytes(nistec.NewP256Point().SetGenerator().Bytes()[1:33]),
	}
	for name, key := range specialKeys(t) {
		t.Run(name, func(t *testing.T) {
			for _, digest := range []*big.Int{new(big.Int), one, sub(p256N, one), p256N, add(p256N, one), sub(twoTo256, one)} {
				for _, r := range ends {
					for _, s := range ends {
						key.check(t, digest, r, s)
					}
				}
			}
		})
	}
}

// What is added may be what the sum is already, or its inverse, at any step of the sum and at its end.
func TestP256IsRightWherePointsMeet(t *testing.T) {
	for name, key := range specialKeys(t) {
		t.Run(name, func(t *testing.T) {
			for _, u2 := range []*big.Int{
				big.NewInt(1), big.NewInt(128), big.NewInt(129), big.NewInt(255), big.NewInt(256), big.NewInt(-1), inverse(big.NewInt(2)),
				fromHex(t, "8080808080808080808080808080808080808080808080808080808080808080"),
				fromHex(t, "8181818181818181818181818181818181818181818181818181818181818181"),
				fromHex(t, "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
				fromHex(t, "00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff"), randomScalar(t),
			} {
				u2 = mod(u2)
				product := mul(u2, key.d)
				digest, r, s := key.signature(t, new(big.Int), u2)
				require.True(t, key.check(t, digest, r, s), "the digest is zero")
				digest, r, s = key.signature(t, mod(product), u2)
				require.True(t, key.check(t, digest, r, s), "the sum is of two equal points")
				digest, r, s = key.signature(t, mod(new(big.Int).Neg(product)), u2)
				require.False(t, key.check(t, digest, r, s), "the sum is the point at infinity")
				digest, r, s = key.signature(t, randomScalar(t), u2)
				require.True(t, key.check(t, digest, r, s))

				// The sum of u1·G and the multiples of lower digits is the multiple of the next, or its inverse.
				for i := range 32 {
					weight := new(big.Int).Lsh(big.NewInt(1), uint(8*i))
					lower := new(big.Int).Mod(u2, weight)
					next := sub(new(big.Int).Mod(u2, new(big.Int).Lsh(weight, 8)), lower)
					for _, meets := range []*big.Int{next, new(big.Int).Neg(next), sub(next, new(big.Int).Lsh(weight, 8)), weight} {
						digest, r, s = key.signature(t, mod(mul(sub(meets, lower), key.d)), u2)
						key.check(t, digest, r, s)
					}
				}
			}
		})
	}
}

func fromHex(tb testing.TB, text string) *big.Int {
	tb.Helper()
	number, ok := new(big.Int).SetString(text, 16)
	require.True(tb, ok)
	return number
}

// The digest is made to fit the signature, so that s may be chosen.
func TestP256HasOneNumberForEachValue(t *testing.T) {
	key := p256KeyOf(t, randomScalar(t))
	one := big.NewInt(1)
	for _, s := range []*big.Int{one, big.NewInt(2), sub(sub(twoTo256, p256N), one), sub(p256N, one)} {
		k := randomScalar(t)
		_, r, _ := key.signature(t, sub(k, key.d), one) // k·G
		digest := mod(sub(mul(s, k), mul(r, key.d)))
		require.True(t, key.check(t, digest, r, s))
		for _, none := range []*big.Int{new(big.Int), p256N} {
			require.True(t, key.check(t, digest, r, s))
			require.False(t, key.check(t, digest, r, none), "not even with what the verification before it left behind")
		}
		require.False(t, key.check(t, digest, new(big.Int), s))
		if again := add(s, p256N); again.Cmp(twoTo256) < 0 {
			require.False(t, key.check(t, digest, r, again), "s + n is another spelling of s")
		}
	}
}

// x may be as large as the field's prime, which is larger than n: r is x - n then.
func TestP256TakesTheCoordinateModuloTheOrder(t *testing.T) {
	tried := 0
	for x := add(p256N, big.NewInt(1)); tried < 8; x = add(x, big.NewInt(1)) {
		point, err := nistec.NewP256Point().SetBytes(append([]byte{2}, x.FillBytes(make([]byte, 32))...))
		if err != nil {
			continue // no point has this coordinate
		}
		tried++
		// Q = (R - u1·G) / u2
		u1, u2 := randomScalar(t), randomScalar(t)
		rest, err := nistec.NewP256Point().ScalarBaseMult(u1.FillBytes(make([]byte, 32)))
		require.NoError(t, err)
		rest.Add(point, rest.Negate(rest))
		public, err := nistec.NewP256Point().ScalarMult(rest, inverse(u2).FillBytes(make([]byte, 32)))
		require.NoError(t, err)
		key := p256KeyAt(t, public)
		r := mod(x)
		s := mod(mul(r, inverse(u2)))
		require.True(t, key.check(t, mod(mul(u1, s)), r, s))
		require.False(t, key.check(t, mod(mul(u1, s)), x, s), "r is not below n")
	}
}

func TestAP256TableIsMadeOfPointsOfTheCurveAlone(t *testing.T) {
	generator := nistec.NewP256Point().SetGenerator().Bytes()
	_, err := fastsig.NewP256Table(generator)
	require.NoError(t, err)
	off, beyond := append([]byte(nil), generator...), append([]byte(nil), generator...)
	off[64]++
	p256P.FillBytes(beyond[1:33])
	for name, encoded := range map[string][]byte{
		"infinity": {0}, "empty": {}, "off the curve": off, "beyond the field": beyond, "cut": generator[:64],
		"zero": append([]byte{4}, make([]byte, 64)...),
	} {
		_, err := fastsig.NewP256Table(encoded)
		require.Error(t, err, name)
	}
}
