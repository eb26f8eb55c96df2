package gateway

import (
	"bytes"
	"encoding/base64"

	"github.com/valyala/fasthttp"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/http1"
)

// handshake is what an opening request says (RFC 6455 section 4.2.1). Its slices point into the request's fields.
type handshake struct {
	wanted    bool
	key       []byte
	protocols [][]byte // offered to the upstream
	// selected is the subprotocol that the gateway selects itself when those that brought the token were all; else nil.
	selected []byte
}

var (
	websocket = []byte("websocket")
	upgrade   = []byte("upgrade")
)

const keySize = 16

// readHandshake finds out whether the request opens a WebSocket. On a route without WebSockets every request is an ordinary
// one, and its Upgrade ends here like every field that is for one hop.
func (r *request) readHandshake(to *rule) error {
	if to.webSocket == nil || !r.asksForWebSocket() {
		return nil
	}
	h := &r.handshake
	h.wanted = true
	version, ok := r.fields.Only("sec-websocket-version")
	if !ok || string(version) != "13" {
		return errWebSocketVersion
	}
	if h.key, ok = r.fields.Only("sec-websocket-key"); !ok || !isWebSocketKey(h.key) {
		return errBadHandshake
	}
	if r.announcesBody() || !h.readProtocols(r.fields) {
		return errBadHandshake
	}
	return to.webSocket.origins.check(r.fields)
}

// asksForWebSocket is strict: a request that lacks any of this is an ordinary one for upstreams too.
func (r *request) asksForWebSocket() bool {
	return string(r.method) == fasthttp.MethodGet && r.isHTTP11 &&
		r.fields.Lists("upgrade", websocket) && r.fields.Lists("connection", upgrade)
}

// announcesBody holds for a request with a body, which an opening request must not have: the upstream could take it for
// frames.
func (r *request) announcesBody() bool {
	length, ok := r.fields.Get("content-length")
	_, chunked := r.fields.Get("transfer-encoding")
	return chunked || ok && string(length) != "0"
}

func isWebSocketKey(key []byte) bool {
	var decoded [keySize + 2]byte // what 24 characters of base64 can hold
	if len(key) != base64.StdEncoding.EncodedLen(keySize) {
		return false
	}
	n, err := base64.StdEncoding.Strict().Decode(decoded[:], key)
	return err == nil && n == keySize
}

func (h *handshake) readProtocols(f header.Fields) bool {
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

// append writes the handshake for the upstream, with the caller's key, so that the answer to it is one for the caller.
func (h *handshake) append(dst []byte, f header.Fields) []byte {
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

func (h *handshake) reset() {
	clear(h.protocols)
	*h = handshake{protocols: h.protocols[:0]}
}
