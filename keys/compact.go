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

// split cuts a token into its three parts and refuses any byte outside the base64url alphabet.
func split(token []byte) (compact, error) {
	if len(token) > maxTokenSize {
		return compact{}, ErrMalformed
	}
	first := bytes.IndexByte(token, '.')
	last := bytes.LastIndexByte(token, '.')
	if first < 1 || last == first || last == len(token)-1 {
		return compact{}, ErrMalformed
	}
	parts := compact{
		header:       token[:first],
		payload:      token[first+1 : last],
		signature:    token[last+1:],
		signingInput: token[:last],
	}
	for _, part := range [...][]byte{parts.header, parts.payload, parts.signature} {
		for _, b := range part {
			if !inBase64URL[b] {
				return compact{}, ErrMalformed
			}
		}
	}
	return parts, nil
}

// base64url refuses set bits after the last byte, so that no two spellings decode alike. The alphabet is checked
// separately, because the decoder skips line breaks.
var base64url = base64.RawURLEncoding.Strict()

var inBase64URL = func() (table [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		table[c] = true
	}
	return table
}()

// decode uses buffer as long as it is large enough.
func decode(buffer, part []byte) ([]byte, error) {
	decoded, err := base64url.AppendDecode(buffer[:0], part)
	if err != nil {
		return nil, ErrMalformed
	}
	return decoded, nil
}
