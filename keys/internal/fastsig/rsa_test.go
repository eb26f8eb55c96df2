package fastsig_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/keys/internal/fastsig"
)

// rsaKey is an RSA key of many small primes: fast to make and to sign with, of any size, and worth nothing but for
// tests. Verification is the same as with two large ones.
type rsaKey struct {
	public *rsa.PublicKey
	key    *fastsig.RSA
	primes []*big.Int
}

func rsaKeyOf(tb testing.TB, n *big.Int, e int) rsaKey {
	tb.Helper()
	public := &rsa.PublicKey{N: n, E: e}
	return rsaKey{public: public, key: fastsig.NewRSA(public)}
}

// newRSAKey makes a key of a size in bits; e is prime.
func newRSAKey(tb testing.TB, size, e int) rsaKey {
	tb.Helper()
	for {
		n := big.NewInt(1)
		var primes []*big.Int
		for left := size; left > 0; left = size - n.BitLen() {
			bits := 128
			if left < 2*bits {
				bits = left
				if bits > 128 {
					bits = left / 2
				}
			}
			prime, err := rand.Prime(rand.Reader, max(bits, 16))
			require.NoError(tb, err)
			if new(big.Int).Mod(prime, big.NewInt(int64(e))).Cmp(big.NewInt(1)) != 0 {
				n.Mul(n, prime)
				primes = append(primes, prime)
			}
			if n.BitLen() > size {
				break
			}
		}
		if n.BitLen() == size {
			key := rsaKeyOf(tb, n, e)
			key.primes = primes
			return key
		}
	}
}

// power is the number whose power with the public exponent is message, by the Chinese remainder theorem.
func (k rsaKey) power(message []byte) *big.Int {
	whole, sum := new(big.Int).SetBytes(message), new(big.Int)
	for _, p := range k.primes {
		d := new(big.Int).ModInverse(big.NewInt(int64(k.public.E)), sub(p, big.NewInt(1)))
		root := new(big.Int).Exp(whole, d, p)
		rest := new(big.Int).Quo(k.public.N, p)
		sum.Add(sum, mul(root, mul(rest, new(big.Int).ModInverse(rest, p))))
	}
	return sum.Mod(sum, k.public.N)
}

func (k rsaKey) sign(message []byte) []byte {
	return k.power(message).FillBytes(make([]byte, k.public.Size()))
}

// check asks both, who must agree, and returns their answer.
func (k rsaKey) check(tb testing.TB, input, signature []byte) bool {
	tb.Helper()
	digest := sha256.Sum256(input)
	want := rsa.VerifyPKCS1v15(k.public, crypto.SHA256, digest[:], signature) == nil
	if got := k.key.Verify(&digest, signature); got != want {
		tb.Fatalf("here %t and with the standard library %t: N %x, e %d, %q, signature %x", got, want, k.public.N, k.public.E, input, signature)
	}
	return want
}

// sha256DigestInfo is what stands before the digest (RFC 8017 section 9.2, note 1).
var sha256DigestInfo = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}

// encodedMessage is EMSA-PKCS1-v1_5 (RFC 8017 section 9.2) with any DigestInfo.
func encodedMessage(size int, info, input []byte) []byte {
	digest := sha256.Sum256(input)
	message := bytes.Repeat([]byte{0xff}, size)
	message[0], message[1] = 0, 1
	end := append(append([]byte{0}, info...), digest[:]...)
	copy(message[size-len(end):], end)
	return message
}

func TestRSAAgreesWithTheStandardLibraryOnSignatures(t *testing.T) {
	for _, test := range []struct {
		size, e int
		here    bool
	}{
		{2048, 65537, true}, {2048, 3, true}, {2048, 1<<31 - 1, true}, {2049, 65537, true}, {2055, 65537, true}, {2056, 17, true},
		{3072, 65537, true}, {4096, 65537, true}, {8192, 65537, true}, {8193, 65537, false}, {2047, 65537, false},
	} {
		key := newRSAKey(t, test.size, test.e)
		require.Equal(t, test.here, key.key.Prepared(), "%d bits", test.size)
		other := newRSAKey(t, test.size, test.e)
		one := big.NewInt(1)
		for i := range 6 {
			input := []byte{byte(i)}
			signature := key.sign(encodedMessage(key.public.Size(), sha256DigestInfo, input))
			require.True(t, key.check(t, input, signature))
			require.False(t, key.check(t, append(input, 0), signature))
			require.False(t, other.check(t, input, signature))
			require.False(t, key.check(t, input, signature[1:]))
			require.False(t, key.check(t, input, signature[:len(signature)-1]))
			require.False(t, key.check(t, input, append([]byte{0}, signature...)))
			require.False(t, key.check(t, input, append(bytes.Clone(signature), 0)))
			require.False(t, key.check(t, input, nil))
			s := new(big.Int).SetBytes(signature)
			numbers := []*big.Int{
				new(big.Int), one, sub(key.public.N, one), key.public.N, add(key.public.N, one), add(s, key.public.N), sub(key.public.N, s),
				new(big.Int).Xor(s, one), add(s, one), sub(new(big.Int).Lsh(one, uint(8*len(signature))), one),
			}
			for _, number := range numbers {
				if number.BitLen() <= 8*len(signature) {
					require.False(t, key.check(t, input, number.FillBytes(make([]byte, len(signature)))), "%x", number)
				}
			}
		}
	}
}

// A number and the modulus more have the same power: only the lower is a signature.
func TestRSAHasOneNumberForEachSignature(t *testing.T) {
	key := newRSAKey(t, 2049, 65537) // in whose 257 bytes there is room
	for i := range 8 {
		input := []byte{byte(i)}
		s := key.power(encodedMessage(key.public.Size(), sha256DigestInfo, input))
		require.True(t, key.check(t, input, s.FillBytes(make([]byte, 257))))
		require.False(t, key.check(t, input, add(s, key.public.N).FillBytes(make([]byte, 257))))
	}
}

// Each message is encoded with a mistake and signed with the key itself.
func TestRSAComparesTheWholeEncodedMessage(t *testing.T) {
	for _, e := range []int{3, 65537} {
		t.Run(strconv.Itoa(e), func(t *testing.T) { requireWholeMessageCompared(t, newRSAKey(t, 2048, e)) })
	}
}

func requireWholeMessageCompared(t *testing.T, key rsaKey) {
	t.Helper()
	input := []byte("any")
	good := encodedMessage(256, sha256DigestInfo, input)
	require.True(t, key.check(t, input, key.sign(good)))
	for i := range good {
		for _, change := range []byte{0x01, 0x80, 0xff} {
			wrong := bytes.Clone(good)
			wrong[i] ^= change
			if new(big.Int).SetBytes(wrong).Cmp(key.public.N) < 0 {
				require.False(t, key.check(t, input, key.sign(wrong)), "byte %d", i)
			}
		}
	}

	digest := sha256.Sum256(input)
	block := append([]byte{0}, append(bytes.Clone(sha256DigestInfo), digest[:]...)...)
	early := func(padding int, garbage byte) []byte {
		message := bytes.Repeat([]byte{garbage}, 256)
		message[0], message[1] = 0, 1
		copy(message[2:], bytes.Repeat([]byte{0xff}, padding))
		copy(message[2+padding:], block)
		return message
	}
	withoutNull := []byte{0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20}
	longForm := append([]byte{0x30, 0x81, 0x31}, sha256DigestInfo[2:]...)
	sha512 := bytes.Clone(sha256DigestInfo)
	sha512[14] = 3
	for name, message := range map[string][]byte{
		"short padding, garbage after it": early(8, 0x55),
		"no padding, zeros after it":      early(0, 0),
		"padding ends one byte early":     early(256-2-len(block)-1, 0),
		"no NULL":                         encodedMessage(256, withoutNull, input),
		"a length in the long form":       encodedMessage(256, longForm, input),
		"the identifier of SHA-512":       encodedMessage(256, sha512, input),
		"no DigestInfo":                   encodedMessage(256, nil, input),
		"digest alone":                    append(make([]byte, 224), digest[:]...),
		"digest of another input":         encodedMessage(256, sha256DigestInfo, []byte("other")),
	} {
		require.False(t, key.check(t, input, key.sign(message)), name)
	}
}

func TestRSALeavesUnusualKeysToTheStandardLibrary(t *testing.T) {
	usual := newRSAKey(t, 2048, 65537)
	input := []byte("any")
	message := encodedMessage(256, sha256DigestInfo, input)
	even := sub(usual.public.N, big.NewInt(1))
	for name, key := range map[string]rsaKey{
		"e 1":         rsaKeyOf(t, usual.public.N, 1),
		"e even":      rsaKeyOf(t, usual.public.N, 65536),
		"e 0":         rsaKeyOf(t, usual.public.N, 0),
		"e negative":  rsaKeyOf(t, usual.public.N, -65537),
		"even":        rsaKeyOf(t, even, 65537),
		"too small":   rsaKeyOf(t, new(big.Int).Rsh(usual.public.N, 1024), 65537),
		"nothing":     rsaKeyOf(t, new(big.Int), 65537),
		"a few bytes": rsaKeyOf(t, big.NewInt(15), 3),
	} {
		require.False(t, key.key.Prepared(), name)
		for _, signature := range [][]byte{message, usual.sign(message), make([]byte, key.public.Size())} {
			require.False(t, key.check(t, input, signature), name)
		}
	}
}

func TestRSAWycheproof(t *testing.T) {
	accepted := 0
	for _, group := range readWycheproof(t, "testdata/wycheproof_rs256.json").Groups {
		key := rsaKeyOf(t, fromHex(t, group.N), int(fromHex(t, group.E).Int64()))
		require.True(t, key.key.Prepared())
		for _, test := range group.Tests {
			good := key.check(t, hexBytes(t, test.Msg), hexBytes(t, test.Sig))
			require.Equal(t, test.Result == "valid", good, "%d: %s", test.ID, test.Comment) // what is "acceptable" is not
			if good {
				accepted++
			}
		}
	}
	require.GreaterOrEqual(t, accepted, 9)
}

// FuzzRSAAgainstStandard tries any signature, and the signature of any encoded message.
func FuzzRSAAgainstStandard(f *testing.F) {
	tried := []rsaKey{newRSAKey(f, 2048, 3), newRSAKey(f, 2049, 65537), newRSAKey(f, 2048, 65537)}
	input := []byte("any")
	for i, key := range tried {
		good := encodedMessage(key.public.Size(), sha256DigestInfo, input)
		f.Add(byte(i), input, good)
		f.Add(byte(i), input, good[1:])
		f.Add(byte(i), []byte{}, good)
		f.Add(byte(i), input, key.public.N.FillBytes(make([]byte, key.public.Size())))
		f.Add(byte(i), input, encodedMessage(key.public.Size(), nil, input))
	}
	f.Fuzz(func(t *testing.T, which byte, input, number []byte) {
		key := tried[int(which)%len(tried)]
		key.check(t, input, number)
		good := bytes.Equal(number, encodedMessage(key.public.Size(), sha256DigestInfo, input))
		number = number[:min(len(number), key.public.Size())]
		if signed := key.check(t, input, key.sign(number)); good && !signed {
			t.Fatal("a good signature was refused")
		}
	})
}
