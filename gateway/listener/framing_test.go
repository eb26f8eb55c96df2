package listener

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// framed follows text in pieces of a size and returns where its first request ends, or -1 when there is more to come.
func framed(text string, size int) (end int, err error) {
	f := framing{maxSize: 1024, maxCount: 10}
	for at := 0; at < len(text); {
		piece := []byte(text[at:min(at+size, len(text))])
		n, err := f.follow(piece)
		if err != nil {
			return -1, err
		}
		at += n
		if f.phase == atStart {
			return at, nil
		}
	}
	return -1, nil
}

const post = "POST / HTTP/1.1\r\nHost: h\r\n"

// TestFraming is about this reader alone: those behind it refuse much of the same.
func TestFraming(t *testing.T) {
	for _, test := range []struct {
		name, text string
		refused    error
	}{
		{"no body", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", nil},
		{"a length", post + "Content-Length: 5\r\n\r\nhello", nil},
		{"chunks", post + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", nil},
		{"HTTP/1.0 with a length", "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", nil},
		{"as large as may be", post + "X: " + strings.Repeat("a", 1024-len(post)-7) + "\r\n\r\n", nil},

		{"too large", post + "X: " + strings.Repeat("a", 1024-len(post)-6) + "\r\n\r\n", ErrHeaderTooLarge},
		{"too large, without an end", post + "X: " + strings.Repeat("a", 1100), ErrHeaderTooLarge},
		{"too many fields", post + strings.Repeat("X: y\r\n", 10) + "\r\n", ErrHeaderTooLarge},
		{"too many trailers", post + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: y\r\n", 10) + "\r\n", ErrHeaderTooLarge},
		{"empty line", "\r\n" + post + "\r\n", ErrMalformedRequest},
		{"bare LF", strings.ReplaceAll(post+"\r\n", "\r\n", "\n"), ErrMalformedRequest},
		{"bare CR", post + "X: y\rContent-Length: 5\r\n\r\n", ErrMalformedRequest},
		{"folded", post + "X: y\r\n z\r\n\r\n", ErrMalformedRequest},
		{"no colon", post + "X\r\n\r\n", ErrMalformedRequest},
		{"space before the colon", post + "Content-Length : 5\r\n\r\nhello", ErrMalformedRequest},
		{"two lengths", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", ErrMalformedRequest},
		{"signed length", post + "Content-Length: +5\r\n\r\nhello", ErrMalformedRequest},
		{"no length", post + "Content-Length:\r\n\r\nhello", ErrMalformedRequest},
		{"listed length", post + "Content-Length: 5,5\r\n\r\nhello", ErrMalformedRequest},
		{"endless length", post + "Content-Length: 18446744073709551621\r\n\r\nhello", ErrMalformedRequest},
		{"length and encoding", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ErrMalformedRequest},
		{"two encodings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ErrMalformedRequest},
		{"another encoding", post + "Transfer-Encoding: identity\r\n\r\n", ErrMalformedRequest},
		{"encoding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ErrMalformedRequest},
		{"chunk that is too large", post + "Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n", ErrMalformedRequest},
		{"chunk in a space", post + "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", ErrMalformedRequest},
		{"chunk that goes on", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n", ErrMalformedRequest},
		{"long extension", post + "Transfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("a", 4096) + "\r\nhello\r\n", ErrMalformedRequest},
		{"long extension, without an end", post + "Transfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("a", 4096), ErrMalformedRequest},
		{"more extensions than data", post + "Transfer-Encoding: chunked\r\n\r\n" +
			strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\nx\r\n", 100), ErrMalformedRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 5, 7, 17, 64, len(test.text)} {
				end, err := framed(test.text, size)
				require.ErrorIs(t, err, test.refused)
				if test.refused == nil {
					require.Equal(t, len(test.text), end, "in pieces of %d", size)
					end, err = framed(test.text+"GET / HTTP/1.1\r\n", size)
					require.NoError(t, err)
					require.Equal(t, len(test.text), end, "what follows is another request's")
				}
			}
		})
	}
}

// FuzzFraming holds where a request ends to where net/http has stopped reading it, however it comes.
func FuzzFraming(f *testing.F) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET", post + "Content-Length: 5\r\n\r\nhello",
		post + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\nGET", "GET / HTTP/1.0\nX: y\n\n",
		post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", post + "Transfer-Encoding: chunked\r\n\r\n0\n\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end, err := framed(text, max(1, len(text)))
		for _, size := range []int{1, 7} {
			again, otherwise := framed(text, size)
			require.Equal(t, end, again, "in pieces of %d", size)
			require.Equal(t, err, otherwise, "in pieces of %d", size)
		}
		if end < 0 {
			return
		}
		source := bytes.NewReader([]byte(text))
		reader := bufio.NewReader(source)
		request, err := http.ReadRequest(reader)
		if err != nil {
			return // it is refused later
		}
		_, err = io.Copy(io.Discard, request.Body)
		require.NoError(t, err)
		require.Equal(t, end, len(text)-source.Len()-reader.Buffered())
	})
}

func BenchmarkFraming(b *testing.B) {
	head := []byte("GET /balance HTTP/1.1\r\nHost: localhost:8081\r\nUser-Agent: benchmark\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nAuthorization: Bearer " +
		strings.Repeat("a", 700) + "\r\n\r\n")
	f := framing{maxSize: 16 << 10, maxCount: 100}
	b.ReportAllocs()
	for b.Loop() {
		if n, err := f.follow(head); n != len(head) || err != nil {
			b.Fatal(n, err)
		}
	}
}
