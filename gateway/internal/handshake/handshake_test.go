package handshake

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/internal/header"
)

const key = "dGhlIHNhbXBsZSBub25jZQ==" // of RFC 6455 section 1.3

// read reads a GET with these fields behind those that every handshake has.
func read(t *testing.T, more string, from Origins) (*Handshake, error) {
	t.Helper()
	var f header.Fields
	require.NoError(t, f.Parse([]byte("Host: api\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"+more+"\r\n")))
	h := &Handshake{}
	return h, h.Read([]byte("GET"), true, f, from)
}

const opening = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n"

func TestWhichRequestsOpenAWebSocket(t *testing.T) {
	for name, test := range map[string]struct {
		fields string
		from   Origins
		want   error
	}{
		"a program":                {opening, Origins{"https://app.example"}, nil},
		"a page":                   {opening + "Origin: https://app.example\r\n", Origins{"https://app.example"}, nil},
		"any page":                 {opening + "Origin: null\r\n", nil, nil},
		"another page":             {opening + "Origin: https://app.example.evil\r\n", Origins{"https://app.example"}, ErrForeignOrigin},
		"two pages":                {opening + "Origin: https://app.example\r\nOrigin: https://app.example\r\n", Origins{"https://app.example"}, ErrForeignOrigin},
		"another version":          {"Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: " + key + "\r\n", nil, ErrVersion},
		"no key":                   {"Sec-WebSocket-Version: 13\r\n", nil, ErrMalformed},
		"a short key":              {"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhl\r\n", nil, ErrMalformed},
		"a key in another form":    {"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n", nil, ErrMalformed},
		"a body":                   {opening + "Content-Length: 1\r\n", nil, ErrMalformed},
		"a body of unknown length": {opening + "Transfer-Encoding: chunked\r\n", nil, ErrMalformed},
		"an empty subprotocol":     {opening + "Sec-WebSocket-Protocol: chat,,v2\r\n", nil, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := read(t, test.fields, test.from)
			require.ErrorIs(t, err, test.want)
			require.True(t, h.Wanted)
		})
	}
	h := &Handshake{}
	require.NoError(t, h.Read([]byte("POST"), true, nil, nil))
	require.NoError(t, h.Read([]byte("GET"), true, nil, nil))
	require.False(t, h.Wanted, "an ordinary request is none")
}

// The answer to the key is the one of the RFC's example.
func TestTheAnswerToAKey(t *testing.T) {
	require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", acceptFor([]byte(key)))
}

// No upstream sees the token, and no reused Handshake has anything of the last.
func TestTheTokenIsNotSentOn(t *testing.T) {
	h, err := read(t, opening+"Sec-WebSocket-Protocol: chat, access_token.a-secret\r\n", nil)
	require.NoError(t, err)
	token, times := h.TakeToken()
	require.Equal(t, "a-secret", string(token))
	require.Equal(t, 1, times)
	sent := string(h.Append(nil, nil))
	require.Contains(t, sent, "Sec-WebSocket-Protocol: chat\r\n")
	require.NotContains(t, sent, "a-secret")
	h.Reset()
	require.Equal(t, Handshake{protocols: h.protocols}, *h)
	require.Empty(t, h.protocols)
}
