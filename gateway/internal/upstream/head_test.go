package upstream

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzHead holds the reading of an answer's head to net/http's: what is accepted here is accepted there with the same
// status, the same framing and the same fields, and ends at the same byte.
func FuzzHead(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 404\r\n\r\n", "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nConnection: x-a, close\r\nX-A: 1\r\nX-B: 2\r\nX-B: 3\r\n\r\n", "HTTP/1.1 204 No Content\r\nContent-Length : 3\r\n\r\n",
		"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nDate: x\r\nTE: y\r\n\r\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		reader := bufio.NewReaderSize(strings.NewReader(text), readBufferSize)
		var h Head
		if h.read(reader) != nil {
			return
		}
		source := strings.NewReader(text)
		theirs := bufio.NewReader(source)
		response, err := http.ReadResponse(theirs, nil)
		if err != nil || strings.Contains(text, " :") || strings.Contains(text, "\t:") {
			return // net/http refuses more, and takes a space before the colon for a part of the name
		}
		require.Equal(t, response.StatusCode, h.status)
		require.Equal(t, response.ProtoAtLeast(1, 1), h.http11)
		if h.hasBody() && h.status >= 200 {
			require.Equal(t, len(response.TransferEncoding) == 1, h.chunked)
			require.Equal(t, response.ContentLength, h.length)
		}
		for i := range h.Fields() {
			name, value, _ := h.Field(i)
			require.Contains(t, response.Header[http.CanonicalHeaderKey(string(name))], string(value))
			first, times := h.Get(strings.ToLower(string(name)))
			require.Positive(t, times)
			require.Equal(t, response.Header.Get(string(name)), string(first))
		}
		if h.staysOpen() && h.length >= 0 && h.hasBody() {
			require.Equal(t, strconv.FormatInt(h.length, 10), strings.TrimLeft(response.Header.Get("Content-Length"), "0")+zero(h.length))
		}
		rest, _ := reader.Peek(reader.Buffered())
		require.True(t, strings.HasSuffix(text, string(rest)))
	})
}

// zero is what trimming zeros takes from a length of none.
func zero(length int64) string {
	if length == 0 {
		return "0"
	}
	return ""
}
