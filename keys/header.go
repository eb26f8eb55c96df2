package keys

import (
	"bytes"
	"encoding/json"
	"maps"
	"sync/atomic"
)

// TypeAccessToken is the typ header of every access token (RFC 9068 section 2.1).
const TypeAccessToken = "at+jwt"

// header is exactly what this issuer writes: a critical extension, an unencoded payload or an embedded key would each
// change what the signature means.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// parseHeader accepts what Key.Sign writes, byte for byte.
func parseHeader(encoded []byte) (header, error) {
	var buffer [256]byte
	raw, err := decode(buffer[:], encoded)
	if err != nil {
		return header{}, err
	}
	var h header
	if err := json.Unmarshal(raw, &h); err != nil {
		return header{}, ErrHeader
	}
	if written, err := json.Marshal(h); err != nil || !bytes.Equal(written, raw) {
		return header{}, ErrHeader
	}
	if h.Type != TypeAccessToken || h.KeyID == "" {
		return header{}, ErrHeader
	}
	return h, nil
}

// maxHeaders is far more than there are keys: every token of a key begins alike.
const maxHeaders = 64

// headers remembers the headers of good tokens by their exact text, so that they are not parsed again. The zero value is
// empty and ready; it is safe for concurrent use.
type headers struct {
	known atomic.Pointer[map[string]header]
}

func (h *headers) parse(encoded []byte) (parsed header, known bool, err error) {
	if all := h.known.Load(); all != nil {
		if parsed, known = (*all)[string(encoded)]; known {
			return parsed, true, nil
		}
	}
	parsed, err = parseHeader(encoded)
	return parsed, false, err
}

// remember is for the header of a token with a good signature, so that nobody else can fill the memory.
func (h *headers) remember(encoded []byte, parsed header) {
	before := h.known.Load()
	after := make(map[string]header)
	if before != nil && len(*before) < maxHeaders {
		maps.Copy(after, *before)
	}
	after[string(encoded)] = parsed
	h.known.CompareAndSwap(before, &after) // if another was faster, this one is remembered another time
}
