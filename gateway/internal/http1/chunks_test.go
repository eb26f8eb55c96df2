package http1

import (
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// decoded decodes text in pieces of a size. end is where the body ends, or -1 when there is more to come.
func decoded(c Chunks, text string, size int) (data, trailers string, end int, err error) {
	var all []byte
	for at := 0; at < len(text); {
		part, used, err := c.Decode([]byte(text[at:min(at+size, len(text))]))
		all = append(all, part...)
		if at += used; err != nil {
			return string(all), "", -1, err
		}
		if c.Ended() {
			return string(all), string(c.Trailers()), at, nil
		}
	}
	return string(all), "", -1, nil
}

func TestChunks(t *testing.T) {
	many := strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\nx\r\n", 100)
	for _, test := range []struct {
		name, text, data, trailers string
		err, strict                error // strict is that of a strict decoder
	}{
		{name: "none", text: "0\r\n\r\n"},
		{name: "some", text: "1\r\na\r\n00B\r\nhello world\r\n0\r\n\r\n", data: "ahello world"},
		{name: "extensions", text: "1;x=y\r\na\r\n0;z=\"1\t\"\r\n\r\n", data: "a"},
		{name: "trailers", text: "1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n", data: "a", trailers: "X: y\r\nZ:\r\n"},
		{name: "as many zeros as may be", text: "0000000000000001\r\na\r\n0\r\n\r\n", data: "a"},
		{name: "as long an extension as may be", text: "1;" + strings.Repeat("a", maxChunkLine-3) + "\r\na\r\n0\r\n\r\n", data: "a"},
		{name: "padded size", text: "1 \t \r\na\r\n0\r\n\r\n", data: "a", strict: ErrChunk},
		{name: "space before an extension", text: "1 ;x\r\na\r\n0\r\n\r\n", data: "a", strict: ErrChunk},
		{name: "trailer without a colon", text: "0\r\nX\r\n\r\n", trailers: "X\r\n", strict: ErrChunk},
		{name: "trailer without a name", text: "0\r\n: y\r\n\r\n", trailers: ": y\r\n", strict: ErrChunk},
		{name: "space before the colon", text: "0\r\nX : y\r\n\r\n", trailers: "X : y\r\n", strict: ErrChunk},
		{name: "folded trailer", text: "0\r\nX: y\r\n z\r\n\r\n", trailers: "X: y\r\n z\r\n", strict: ErrChunk},

		{name: "no size", text: "\r\n", err: ErrChunk},
		{name: "signed size", text: "+1\r\na\r\n0\r\n\r\n", err: ErrChunk},
		{name: "space before the size", text: " 1\r\na\r\n0\r\n\r\n", err: ErrChunk},
		{name: "prefixed size", text: "0x1\r\n", err: ErrChunk},
		{name: "two sizes", text: "1 1\r\n", err: ErrChunk},
		{name: "too large", text: "1000000000000000\r\n", err: ErrChunk},
		{name: "too many digits", text: "00000000000000001\r\n", err: ErrChunk},
		{name: "longer than it says", text: "1\r\nab\r\n", data: "a", err: ErrChunk},
		{name: "shorter than it says", text: "3\r\na\r\n0\r\n\r\n", data: "a\r\n", err: ErrChunk},
		{name: "LF after the size", text: "1\na\r\n", err: ErrChunk},
		{name: "LF after the data", text: "1\r\na\n0\r\n\r\n", data: "a", err: ErrChunk},
		{name: "CR in an extension", text: "1;a\rb\r\na\r\n", err: ErrChunk},
		{name: "LF in an extension", text: "1;a\nb\r\na\r\n", err: ErrChunk},
		{name: "NUL in an extension", text: "1;a\x00\r\na\r\n", err: ErrChunk},
		{name: "LF after a trailer", text: "0\r\nX: y\n\r\n", err: ErrChunk},
		{name: "CR in a trailer", text: "0\r\nX: y\rZ\r\n\r\n", err: ErrChunk},
		{name: "LF at the end", text: "0\r\n\n", err: ErrChunk},
		{name: "CR at the end", text: "0\r\n\r\r", err: ErrChunk},
		{name: "long extension", text: "1;" + strings.Repeat("a", maxChunkLine), err: ErrChunk},
		{name: "more extensions than data", text: many + "0\r\n\r\n", data: strings.Repeat("x", 88), err: ErrChunk},
		{name: "too many trailers", text: "0\r\n" + strings.Repeat("X: y\r\n", MaxTrailers/6+1) + "\r\n", err: ErrTrailersTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, strict := range []bool{false, true} {
				want := test.err
				if strict && want == nil {
					want = test.strict
				}
				for _, size := range []int{1, 2, 3, 5, 7, 17, 64, len(test.text)} {
					data, trailers, end, err := decoded(Chunks{Strict: strict}, test.text, size)
					require.Equal(t, want, err, "in pieces of %d", size)
					if strict && test.strict != nil {
						continue
					}
					require.Equal(t, test.data, data, "in pieces of %d", size)
					if want == nil {
						require.Equal(t, test.trailers, trailers)
						require.Equal(t, len(test.text), end, "in pieces of %d", size)
						_, _, end, err = decoded(Chunks{Strict: strict}, test.text+"0\r\n\r\n", size)
						require.NoError(t, err)
						require.Equal(t, len(test.text), end, "what follows is not the body's")
					}
				}
			}
		})
	}
}

func TestTrailersAreLimited(t *testing.T) {
	const lines = "X: y\r\nZ: 1\r\n" // 12 bytes
	for _, test := range []struct {
		size, count int
		err         error
	}{
		{12, 2, nil}, {100, 100, nil},
		{11, 2, ErrTrailersTooLarge}, {12, 1, ErrTrailersTooLarge}, {0, 2, ErrTrailersTooLarge}, {12, 0, ErrTrailersTooLarge},
		{-2, 2, ErrTrailersTooLarge},
	} {
		var c Chunks
		c.LimitTrailers(test.size, test.count)
		_, err := c.Follow([]byte("1\r\na\r\n0\r\n" + lines + "\r\n"))
		require.ErrorIs(t, err, test.err, "%d bytes, %d lines", test.size, test.count)
		require.Equal(t, test.err == nil, c.Ended())
	}
	var none Chunks
	none.LimitTrailers(0, 0)
	_, err := none.Follow([]byte("0\r\n\r\n"))
	require.NoError(t, err, "no trailers are never too many")
	require.True(t, none.Ended())
}

// What a reader of its own has taken is told to the decoder.
func TestDataThatIsReadElsewhere(t *testing.T) {
	var c Chunks
	c.Take(5)
	require.Zero(t, c.DataLeft())
	used, err := c.Follow([]byte("5\r\nh"))
	require.NoError(t, err)
	require.Equal(t, 4, used)
	require.EqualValues(t, 4, c.DataLeft())
	c.Take(0)
	c.Take(4)
	require.Zero(t, c.DataLeft())
	_, err = c.Follow([]byte("\r\n0\r\n\r\n"))
	require.NoError(t, err)
	require.True(t, c.Ended())
}

func TestAnErrorStays(t *testing.T) {
	for _, broken := range []string{"x", "1\r\nab", "1\r\na\rb", "0\r\nX: y\n", "0\r\n\rx"} {
		var c Chunks
		_, err := c.Follow([]byte(broken))
		require.Equal(t, ErrChunk, err)
		for _, more := range []string{"\r\n", "\n", "0\r\n\r\n"} {
			data, used, err := c.Decode([]byte(more))
			require.Equal(t, ErrChunk, err, "%q after %q", more, broken)
			require.Zero(t, used)
			require.Empty(t, data)
			require.False(t, c.Ended())
		}
	}
}

func TestFrameChunk(t *testing.T) {
	for _, size := range []int{1, 15, 16, 255, 256, 4096, 70_000} {
		data := strings.Repeat("d", size)
		chunk := FrameChunk(append(make([]byte, ChunkRoom), data...))
		got, _, end, err := decoded(Chunks{Strict: true}, string(chunk)+LastChunk+"\r\n", len(data))
		require.NoError(t, err)
		require.Equal(t, data, got)
		require.Equal(t, len(chunk)+len(LastChunk)+2, end)
	}
}

// FuzzChunks holds the decoder to net/http's: what ends here ends there at the same byte with the same data, and however
// the bytes come, they mean the same.
func FuzzChunks(f *testing.F) {
	for _, text := range []string{
		"0\r\n\r\n", "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\nGET", "5 \r\nhello\r\n0\r\n\r\n", "1\r\na\r\n0\r\nX\r\n\r\n", "0\n\n", "ffffffffffffffff\r\n",
		"1\r\na\r\n1\r\nb\r\n0\r\n\r\n0\r\n\r\n", "0\r\n: y\r\n z\r\n\r\n",
	} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, strict bool) {
		data, trailers, end, err := decoded(Chunks{Strict: strict}, text, max(1, len(text)))
		for _, size := range []int{1, 7} {
			again, againTrailers, againEnd, otherwise := decoded(Chunks{Strict: strict}, text, size)
			require.Equal(t, err, otherwise, "in pieces of %d", size)
			require.Equal(t, end, againEnd, "in pieces of %d", size)
			require.Equal(t, data, again, "in pieces of %d", size)
			require.Equal(t, trailers, againTrailers, "in pieces of %d", size)
		}
		c := Chunks{Strict: strict}
		used, followErr := c.Follow([]byte(text))
		require.Equal(t, err, followErr)
		if end < 0 {
			require.False(t, c.Ended())
			return
		}
		require.Equal(t, end, used)
		body := bytes.NewBufferString(text[:end-2-len(trailers)])
		want, wantErr := io.ReadAll(httputil.NewChunkedReader(body))
		require.NoError(t, wantErr)
		require.Equal(t, string(want), data)
		require.Zero(t, body.Len(), "the trailers begin where net/http has stopped")
	})
}
