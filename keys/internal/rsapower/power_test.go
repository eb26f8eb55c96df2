package rsapower_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/cpu"

	"gatehouse/keys/internal/rsapower"
)

var (
	one  = big.NewInt(1)
	full = new(big.Int).Sub(new(big.Int).Lsh(one, 8*rsapower.Size), one) // all bits set
)

// modulus prepares n, or skips the test where nothing is prepared at all.
func modulus(tb testing.TB, n *big.Int) *rsapower.Modulus {
	tb.Helper()
	if !cpu.X86.HasAVX512F || !cpu.X86.HasAVX512IFMA {
		tb.Skip("this processor has no AVX-512 IFMA")
	}
	m := rsapower.New(n)
	require.NotNil(tb, m, "%x", n)
	return m
}

// requirePower compares with math/big.
func requirePower(tb testing.TB, m *rsapower.Modulus, n, base *big.Int) {
	tb.Helper()
	var in [rsapower.Size]byte
	base.FillBytes(in[:])
	power, ok := m.Power65537(&in)
	require.Equal(tb, base.Cmp(n) < 0, ok, "%x modulo %x", base, n)
	if ok {
		want := new(big.Int).Exp(base, big.NewInt(65537), n)
		require.Zero(tb, want.Cmp(new(big.Int).SetBytes(power[:])), "%x modulo %x", base, n)
	}
}

// bits is a number of 2048 bits whose bits are all the same but for some.
func bits(set bool, others ...int) *big.Int {
	n := new(big.Int)
	if set {
		n.Set(full)
	}
	for _, i := range others {
		n.SetBit(n, i, 1-n.Bit(i))
	}
	return n
}

// odd is a random odd number of 2048 bits.
func odd(tb testing.TB) *big.Int {
	tb.Helper()
	n, err := rand.Int(rand.Reader, full)
	require.NoError(tb, err)
	return n.SetBit(n, 0, 1).SetBit(n, 8*rsapower.Size-1, 1)
}

func TestPowersOfEveryKindOfNumber(t *testing.T) {
	digit := make([]int, 52)
	for i := range digit {
		digit[i] = 10*52 + i
	}
	moduli := []*big.Int{
		full, bits(true, 1), bits(true, 2046), bits(true, digit...), bits(true, 51, 52, 53), bits(true, 103, 104),
		bits(false, 0, 2047), bits(false, 0, 1, 2047), bits(false, 0, 51, 2047), bits(false, 0, 52, 2047), bits(false, append(digit, 0, 2047)...),
	}
	for range 40 {
		moduli = append(moduli, odd(t))
	}
	for _, n := range moduli {
		m := modulus(t, n)
		bases := []*big.Int{
			new(big.Int), one, big.NewInt(2), bits(false, 2047), bits(false, 2080-2048), bits(false, digit...), new(big.Int).Rsh(n, 1),
			new(big.Int).Sub(n, one), new(big.Int).Sub(n, big.NewInt(2)), n, full,
		}
		if n.Cmp(full) < 0 {
			bases = append(bases, new(big.Int).Add(n, one))
		}
		for i := range 64 { // of every length
			bases = append(bases, new(big.Int).Sub(new(big.Int).Lsh(one, uint(i*32)), one))
		}
		for range 40 {
			base, err := rand.Int(rand.Reader, n)
			require.NoError(t, err)
			bases = append(bases, base)
		}
		for _, base := range bases {
			requirePower(t, m, n, base)
		}
	}
}

// The roots of small numbers: what is multiplied last is then greater than the modulus, and has to be reduced once more.
func TestPowersThatAreSmall(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 8*rsapower.Size)
	require.NoError(t, err)
	m := modulus(t, key.N)
	for i := uint(0); i < 8*rsapower.Size-1; i += 50 {
		small := new(big.Int).Lsh(one, i)
		requirePower(t, m, key.N, small.Exp(small, key.D, key.N))
	}
}

// The power of something that is 0: what comes out is the modulus itself.
func TestAPowerOfNothing(t *testing.T) {
	p := new(big.Int).Rsh(full, 1024)
	n := new(big.Int).Mul(p, p)
	requirePower(t, modulus(t, n), n, p)
}

func TestWhatIsNoModulusOfThisKind(t *testing.T) {
	for name, n := range map[string]*big.Int{
		"even":      new(big.Int).Sub(full, one),
		"too short": new(big.Int).Rsh(full, 1),
		"too long":  new(big.Int).Add(new(big.Int).Lsh(full, 1), one),
		"negative":  new(big.Int).Neg(full),
		"nothing":   new(big.Int),
	} {
		require.Nil(t, rsapower.New(n), name)
	}
}

func TestAModulusIsUsedByManyAtOnce(t *testing.T) {
	n := odd(t)
	m := modulus(t, n)
	done := make(chan bool)
	for i := range 8 {
		go func() {
			defer func() { done <- true }()
			base := new(big.Int).Rsh(n, uint(i+1))
			want := new(big.Int).Exp(base, big.NewInt(65537), n).FillBytes(make([]byte, rsapower.Size))
			var in [rsapower.Size]byte
			base.FillBytes(in[:])
			for range 2000 {
				if power, ok := m.Power65537(&in); !ok || !bytes.Equal(power[:], want) {
					t.Errorf("another's number came of %x", in)
					return
				}
			}
		}()
	}
	for range 8 {
		<-done
	}
}

// FuzzPower65537 makes a modulus and a number of any bytes.
func FuzzPower65537(f *testing.F) {
	f.Add(full.Bytes(), []byte{2})
	f.Add([]byte{1}, bits(false, 2046).Bytes())
	f.Add(bits(true, 51, 52, 53).Bytes(), bits(true, 2047, 103, 104).Bytes())
	f.Fuzz(func(t *testing.T, modulusBytes, base []byte) {
		n := new(big.Int).SetBytes(modulusBytes[:min(len(modulusBytes), rsapower.Size)])
		n.SetBit(n, 0, 1).SetBit(n, 8*rsapower.Size-1, 1)
		requirePower(t, modulus(t, n), n, new(big.Int).SetBytes(base[:min(len(base), rsapower.Size)]))
	})
}

func BenchmarkPower65537(b *testing.B) {
	n := odd(b)
	m := modulus(b, n)
	var in [rsapower.Size]byte
	new(big.Int).Rsh(n, 1).FillBytes(in[:])
	b.ReportAllocs()
	for b.Loop() {
		m.Power65537(&in)
	}
}
