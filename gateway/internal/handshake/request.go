package handshake

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/http1"
)

// Handshake is what an opening request says (RFC 6455 section 4.2.1). Its slices point into the request's fields. The zero value is
// that of a request that opens none.
type Handshake struct {
	// Wanted says that the request opens a WebSocket.
	Wanted bool

	key       []byte
	protocols [][]byte // offered to the upstream
	// selected is the subprotocol that the gateway selects itself when those that brought the token were all; else nil.
	selected []byte
}

// Why a request opens no WebSocket, although it asks for one.
var (
	ErrMalformed     = errors.New("handshake: malformed")
	ErrVersion       = errors.New("handshake: another version of the protocol than 13")
	ErrForeignOrigin = errors.New("handshake: a page of an origin that may not open it")
)

var (
	websocket = []byte("websocket")
	upgrade   = []byte("upgrade")
)

const keySize = 16

// Read finds out whether the request opens a WebSocket, and whether a page of its origin may. One that does not ask for any is an
// ordinary request.
func (h *Handshake) Read(method []byte, isHTTP11 bool, f header.Fields, from Origins) error {
	if !isHTTP11 || !isWanted(method, f) {
		return nil
	}
	h.Wanted = true
	version, ok := f.Only("sec-websocket-version")
	if !ok || string(version) != "13" {
		return ErrVersion
	}
	if h.key, ok = f.Only("sec-websocket-key"); !ok || !isKey(h.key) {
		return ErrMalformed
	}
	if announcesBody(f) || !h.readProtocols(f) {
		return ErrMalformed
	}
	return from.check(f)
}

// isWanted is strict: a request that lacks any of this is an ordinary one for upstreams too.
func isWanted(method []byte, f header.Fields) bool {
	return string(method) == http.MethodGet && f.Lists("upgrade", websocket) && f.Lists("connection", upgrade)
}

// announcesBody holds for a request with a body, which an opening request must not have: the upstream could take it for
// frames.
func announcesBody(f header.Fields) bool {
	length, ok := f.Get("content-length")
	_, chunked := f.Get("transfer-encoding")
	return chunked || ok && string(length) != "0"
}

func isKey(key []byte) bool {
	var decoded [keySize + 2]byte // what 24 characters of base64 can hold
	if len(key) != base64.StdEncoding.EncodedLen(keySize) {
		return false
	}
	n, err := base64.StdEncoding.Strict().Decode(decoded[:], key)
	return err == nil && n == keySize
}

func (h *Handshake) readProtocols(f header.Fields) bool {
	for i := range f {
		if !http1.IsNamed(f[i].Name, "sec-websocket-protocol") {
			continue
		}
		for item := range bytes.SplitSeq(f[i].Value, []byte{','}) {
			item = http1.Trim(item)
			if !http1.IsToken(item) {
				return false
			}
			h.protocols = append(h.protocols, item)
		}
	}
	return true
}

// Append writes the handshake for the upstream, with the caller's key, so that the answer to it is one for the caller.
func (h *Handshake) Append(dst []byte, f header.Fields) []byte {
	dst = append(dst, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "...)
	dst = append(append(dst, h.key...), "\r\n"...)
	for i, protocol := range h.protocols {
		if i == 0 {
			dst = append(dst, "Sec-WebSocket-Protocol: "...)
		} else {
			dst = append(dst, ", "...)
		}
		dst = append(dst, protocol...)
	}
	if len(h.protocols) > 0 {
		dst = append(dst, "\r\n"...)
	}
	for i := range f {
		if http1.IsNamed(f[i].Name, "sec-websocket-extensions") {
			dst = append(append(append(dst, "Sec-WebSocket-Extensions: "...), f[i].Value...), "\r\n"...)
		}
	}
	return dst
}

// Reset forgets the request, for another.
func (h *Handshake) Reset() {
	clear(h.protocols)
	*h = Handshake{protocols: h.protocols[:0]}
}
