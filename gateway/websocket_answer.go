package gateway

import (
	"bytes"
	"crypto/sha1" // RFC 6455 asks for it; nothing depends on its strength
	"encoding/base64"
	"errors"

	"gatehouse/gateway/internal/http1"
)

// errBadUpgrade is an answer 101 that a client would have to refuse.
var errBadUpgrade = errors.New("the upstream's answer to a WebSocket handshake is wrong")

// acceptSuffix is what a server adds to the key to show that it knows the protocol (RFC 6455 section 1.3).
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// checkAnswer holds an upstream's 101 to what a client would hold it to (RFC 6455 section 4.1), and to saying nothing
// about a body: whoever believed that would see the frames elsewhere.
func (h *handshake) checkAnswer(head *answerHead) error {
	protocol, upgrades := head.get("upgrade")
	accept, accepts := head.get("sec-websocket-accept")
	selected, selections := head.get("sec-websocket-protocol")
	switch {
	case !head.http11, head.chunked, head.length >= 0:
		return errBadUpgrade
	case !http1.IsListed(head.connection, upgrade), upgrades != 1, !bytes.EqualFold(protocol, websocket):
		return errBadUpgrade
	case accepts != 1, string(accept) != acceptFor(h.key):
		return errBadUpgrade
	case selections > 1, selections == 1 && !h.offers(selected):
		return errBadUpgrade
	}
	return nil
}

// get returns the first value of the field of that lower-case name, and how many there are.
func (h *answerHead) get(name string) (value []byte, times int) {
	for i := range h.fields {
		if n, v := h.field(i); http1.IsNamed(n, name) {
			if times == 0 {
				value = v
			}
			times++
		}
	}
	return value, times
}

func (h *handshake) offers(protocol []byte) bool {
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

// appendSwitching writes the head that tells the caller of a WebSocket. It takes over what the upstream's checked answer
// says, as for every answer, and names the request as every answer does.
func (r *request) appendSwitching(dst []byte, head *answerHead) []byte {
	line := func(name, value []byte) {
		dst = append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
	}
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"...)
	for i := range head.fields {
		name, value := head.field(i)
		replaced := len(r.id) > 0 && http1.IsNamed(name, "x-request-id")
		if !replaced && !http1.IsListed(head.connection, name) { // Upgrade is, or the answer was refused
			line(name, value)
		}
	}
	if len(r.handshake.selected) > 0 {
		line([]byte("Sec-WebSocket-Protocol"), r.handshake.selected)
	}
	if len(r.id) > 0 {
		line([]byte("X-Request-Id"), r.id)
	}
	return append(dst, "\r\n"...)
}
