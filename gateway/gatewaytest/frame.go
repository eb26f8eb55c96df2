package gatewaytest

import "encoding/binary"

// The first bytes of WebSocket frames (RFC 6455 section 5.2).
const (
	Text, TextBegins = 0x81, 0x01
	Closes, Pings    = 0x88, 0x89
)

// Frame is a frame of a server, of at most 125 bytes. first is its first byte.
func Frame(first byte, payload string) string {
	return string([]byte{first, byte(len(payload))}) + payload
}

// CloseFrame is a Close with a code, as a server sends it.
func CloseFrame(code uint16, reason string) string {
	return Frame(Closes, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// Masked is a Frame as a client sends it, masked with zeros.
func Masked(serverFrame string) string {
	return serverFrame[:1] + string([]byte{serverFrame[1] | 0x80, 0, 0, 0, 0}) + serverFrame[2:]
}
