package http1

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLengths(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "5": 5, "0005": 5, "9223372036854775799": math.MaxInt64 - 8} {
		length, ok := ParseLength([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, want, length)
	}
	for _, text := range []string{"", "+5", "-5", " 5", "5 ", "5,5", "0x5", "5.0", "9223372036854775807", "18446744073709551621"} {
		_, ok := ParseLength([]byte(text))
		require.False(t, ok, text)
	}
}

func TestLists(t *testing.T) {
	for list, held := range map[string]bool{
		"a": true, "A": true, " a\t": true, "b,a": true, "b , A ,c": true, ",,a": true,
		"": false, "ab": false, "b a": false, "a b,c": false, ",": false, "\va": false,
	} {
		require.Equal(t, held, IsListed([]byte(list), []byte("a")), "%q", list)
	}
}

func TestNames(t *testing.T) {
	require.True(t, IsNamed([]byte("Content-LENGTH"), "content-length"))
	require.False(t, IsNamed([]byte("content-lengtH "), "content-length"))
	require.False(t, IsNamed([]byte("content\rlength"), "content-length"), "only letters have a case")
	for text, ok := range map[string]bool{"X-A": true, "!#$%&'*+-.^_`|~09az": true, "": false, "X A": false, "X:": false, "Xé": false, "X\x7f": false} {
		require.Equal(t, ok, IsToken([]byte(text)), "%q", text)
	}
	require.Equal(t, "a \t b", string(Trim([]byte(" \ta \t b\t "))))
	require.Equal(t, "\va", string(Trim([]byte("\va"))), "other white space is part of a value")
}

func TestHosts(t *testing.T) {
	for _, host := range []string{"a", "A.example:8080", "a:", "127.0.0.1", "[::1]", "[::1]:80", "[::1]:", "a_b-c.d"} {
		require.True(t, IsHost([]byte(host)), host)
	}
	for _, host := range []string{"", ":80", "a/b", "a b", "a,b", "u@a", "a:b", "a:80:80", "[]", "[::1", "[::1]80", "[::g]", "::1", "a\x00", "é"} {
		require.False(t, IsHost([]byte(host)), host)
	}
}

func TestHexDigits(t *testing.T) {
	for b := range 256 {
		digit, ok := HexDigit(byte(b))
		want := -1
		switch {
		case b >= '0' && b <= '9':
			want = b - '0'
		case b >= 'a' && b <= 'f':
			want = b - 'a' + 10
		case b >= 'A' && b <= 'F':
			want = b - 'A' + 10
		}
		require.Equal(t, want >= 0, ok, "%q", b)
		if ok {
			require.EqualValues(t, want, digit)
		}
	}
}
