package keys

import (
	"bytes"
	"encoding/base64"
)

// maxTokenSize bounds the work that an unauthenticated caller can cause; the largest token issued here is far smaller.
const maxTokenSize = 8 << 10

// compact is a compact JWS (RFC 7515 section 7.1) in its parts, which refer to the token.
type compact struct {
	header, payload, signature []byte
	signingInput               []byte
}

// split cuts a token into its three parts, which are left to be decoded.
func split(token []byte) (compact, error) {
	if len(token) > maxTokenSize {
		return compact{}, ErrMalformed
	}
	first := bytes.IndexByte(token, '.')
	last := first + 1 + bytes.IndexByte(token[first+1:], '.')
	if first < 1 || last == first || last == len(token)-1 {
		return compact{}, ErrMalformed
	}
	if bytes.IndexByte(token, '\n') >= 0 || bytes.IndexByte(token, '\r') >= 0 {
		return compact{}, ErrMalformed
	}
	return compact{
		header:       token[:first],
		payload:      token[first+1 : last],
		signature:    token[last+1:],
		signingInput: token[:last],
	}, nil
}

// base64url refuses set bits after the last byte, so that no two spellings decode alike. It skips line breaks: split does
// not let them through.
var base64url = base64.RawURLEncoding.Strict()

// decode uses buffer as long as it is large enough.
func decode(buffer, part []byte) ([]byte, error) {
	decoded, err := base64url.AppendDecode(buffer[:0], part)
	if err != nil {
		return nil, ErrMalformed
	}
	return decoded, nil
}
