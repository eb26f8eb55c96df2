package header

import (
	"bufio"
	"bytes"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http/httpguts"
)

// FuzzFields holds the reading of the header block to net/textproto: what it refuses is refused here, what passes here
// has the same fields there.
func FuzzFields(f *testing.F) {
	for _, block := range []string{
		"",
		"Host: a\r\nAuthorization: Bearer abc.def-ghi\r\n",
		"Host: a\r\naUTHORIZATION:bEARER abc\t\r\n",
		"Authorization: Bearer abc\r\nAuthorization: Bearer def\r\n",
		"Authorization: Bearer a, Bearer b\r\n",
		"Authorization: Bearer  a\r\n",
		"Authorization: Bearer\r\n",
		"Authorization: Bearer \r\n",
		"Authorization: Basic YTpi\r\n",
		"Authorization: Bearera\r\n",
		"Authorization: Bearer\ta\r\n",
		"Authorization : Bearer a\r\n",
		"Authorization: Bearer\r\n a\r\n",
		"X: a\nAuthorization: Bearer a\r\n",
		"X: a\rAuthorization: Bearer a\r\n",
		"X: a\x00\r\n",
		"X: a\x0b\x7f\r\n",
		" Authorization: Bearer a\r\n",
		"\r\nAuthorization: Bearer a\r\n",
		": a\r\n",
		"X\xc3\xa9: a\r\n",
		"X: \xc3\xa9\xff\r\n",
		"Host: a\r\nHost: b\r\n",
		"Host: a/b\r\n",
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"Content-Length: +5\r\n",
		"Content-Length: 5, 5\r\n",
		"Transfer-Encoding: \x0bchunked\r\n",
	} {
		f.Add([]byte(block))
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		sent := bytes.Clone(block)
		var read Fields
		if err := read.Parse(block); err != nil {
			return
		}
		want, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(bytes.Clone(sent), "\r\n"...)))).ReadMIMEHeader()
		require.NoError(t, err)
		requireSameFields(t, want, read)
		require.LessOrEqual(t, len(want["Host"]), 1)
		require.LessOrEqual(t, len(want["Authorization"]), 1)
		require.LessOrEqual(t, len(want["Content-Length"])+len(want["Transfer-Encoding"]), 1)
		if encoding, ok := want["Transfer-Encoding"]; ok {
			require.Equal(t, "chunked", strings.ToLower(encoding[0]))
		}
		require.Equal(t, sent, block, "what the caller sent is not written to")
	})
}

func requireSameFields(t *testing.T, want textproto.MIMEHeader, got Fields) {
	t.Helper()
	have := make(textproto.MIMEHeader)
	for _, f := range got {
		require.True(t, httpguts.ValidHeaderFieldName(string(f.Name)), "%q", f.Name)
		require.True(t, httpguts.ValidHeaderFieldValue(string(f.Value)), "%q: net/http's server refuses it", f.Value)
		name := http.CanonicalHeaderKey(string(f.Name))
		have[name] = append(have[name], string(f.Value))
	}
	require.Equal(t, want, have)
}
