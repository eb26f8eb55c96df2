package handshake

import (
	"bytes"
	"crypto/sha1" // RFC 6455 asks for it; nothing depends on its strength
	"encoding/base64"
	"errors"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/http1"
	"gatehouse/gateway/internal/upstream"
)

// ErrBadAnswer is a 101 that a client has to refuse.
var ErrBadAnswer = errors.New("the upstream's answer to a WebSocket handshake is wrong")

// acceptSuffix is what a server adds to the key to show that it knows the protocol (RFC 6455 section 1.3).
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// CheckAnswer checks an upstream's 101 as a client does (RFC 6455 section 4.1). It also refuses one that announces a body:
// whoever believed that would take the first frames for the body.
func (h *Handshake) CheckAnswer(head *upstream.Head) error {
	protocol, upgrades := head.Get("upgrade")
	accept, accepts := head.Get("sec-websocket-accept")
	selected, selections := head.Get("sec-websocket-protocol")
	switch {
	case !head.IsHTTP11(), head.IsChunked(), head.Length() >= 0:
		return ErrBadAnswer
	case !head.ListsInConnection(upgrade), upgrades != 1, !bytes.EqualFold(protocol, websocket):
		return ErrBadAnswer
	case accepts != 1, string(accept) != acceptFor(h.key):
		return ErrBadAnswer
	case selections > 1, selections == 1 && !h.offers(selected):
		return ErrBadAnswer
	}
	return nil
}

func (h *Handshake) offers(protocol []byte) bool {
	for _, offered := range h.protocols {
		if bytes.Equal(offered, protocol) {
			return true
		}
	}
	return false
}

func acceptFor(key []byte) string {
	sum := sha1.Sum(append(append(make([]byte, 0, 64), key...), acceptSuffix...))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// AppendAnswer writes the 101 for the caller: the fields of the upstream's checked answer that are for more than one hop and pass,
// and the id of the request, as in every answer, unless it is empty.
func (h *Handshake) AppendAnswer(dst []byte, head *upstream.Head, except header.Exception, id []byte) []byte {
	line := func(name, value []byte) {
		dst = append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
	}
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"...)
	for i := range head.Fields() {
		name, value, ok := head.Field(i)
		replaced := len(id) > 0 && http1.IsNamed(name, "x-request-id")
		if ok && !replaced && except.Passes(name, value) { // Upgrade is listed in Connection, or the answer was refused
			line(name, value)
		}
	}
	if len(h.selected) > 0 {
		line([]byte("Sec-WebSocket-Protocol"), h.selected)
	}
	if len(id) > 0 {
		line([]byte("X-Request-Id"), id)
	}
	return append(dst, "\r\n"...)
}
