package gateway

import (
	"bufio"
	"bytes"
	"net/textproto"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/internal/header"
)

// FuzzBearer holds the token to be a part of what was sent, and the one that RFC 6750 says it is, in a header block as
// net/textproto reads it.
func FuzzBearer(f *testing.F) {
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
		"Authorization: DPoP abc.def-ghi\r\n",
		"Authorization: dpop\r\n",
		"Authorization: Bearer\ta\r\n",
		"Authorization : Bearer a\r\n",
		"Authorization: Bearer\r\n a\r\n",
		"X: a\nAuthorization: Bearer a\r\n",
		"X: a\rAuthorization: Bearer a\r\n",
		" Authorization: Bearer a\r\n",
		"\r\nAuthorization: Bearer a\r\n",
	} {
		f.Add([]byte(block))
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		sent := bytes.Clone(block)
		var read header.Fields
		if err := read.Parse(block); err != nil {
			return
		}
		want, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(sent, "\r\n"...)))).ReadMIMEHeader()
		require.NoError(t, err)
		token, isDPoP, err := bearer(read, false)
		require.Equal(t, sent, block, "what the caller sent is not written to")
		value := want.Get("Authorization")
		if credentials := oneBearer.FindStringSubmatch(value); credentials != nil {
			require.NoError(t, err)
			require.Equal(t, strings.EqualFold(credentials[1], "dpop"), isDPoP)
			require.Equal(t, credentials[2], string(token))
			return
		}
		if err != nil {
			require.Nil(t, token)
			require.Contains(t, want, "Authorization", "a request without credentials may be one of a public route")
			return
		}
		if token == nil {
			require.NotContains(t, want, "Authorization", "credentials that are not understood are not ignored")
			return
		}
		// What is not a token by RFC 6750 goes on to the verifier, which refuses it: it has to get all of it.
		scheme, rest, ok := strings.Cut(value, " ")
		require.True(t, ok && (strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "dpop")), "%q", value)
		require.Equal(t, rest, string(token))
	})
}

// oneBearer is the credentials of RFC 6750 section 2.1, and of RFC 9449 section 7.1.
var oneBearer = regexp.MustCompile(`^((?i:bearer|dpop)) ([A-Za-z0-9._~+/-]+=*)$`)
