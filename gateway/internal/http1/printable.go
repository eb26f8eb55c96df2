package http1

import "encoding/binary"

const (
	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
)

// IsPrintable holds for text in which tabs are the only control characters. It looks at eight bytes at a time: each
// request has a token, which is long.
func IsPrintable(line []byte) bool {
	for ; len(line) >= 8; line = line[8:] {
		if hasControl(binary.LittleEndian.Uint64(line)) && !isPrintableText(line[:8]) {
			return false
		}
	}
	return isPrintableText(line)
}

// hasControl reports whether one of the eight bytes is less than a space, or DEL.
func hasControl(word uint64) bool {
	del := word ^ 0x7f*eachByte
	return ((word-' '*eachByte)&^word|(del-eachByte)&^del)&highBits != 0
}

func isPrintableText(text []byte) bool {
	for _, b := range text {
		if b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}
