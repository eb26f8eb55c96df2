package http1

import (
	"bytes"
	"math"
)

// Trim returns a field's value without the spaces and tabs that may stand around it (RFC 9110 section 5.5).
func Trim(value []byte) []byte {
	for len(value) > 0 && isBlank(value[0]) {
		value = value[1:]
	}
	for len(value) > 0 && isBlank(value[len(value)-1]) {
		value = value[:len(value)-1]
	}
	return value
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' }

// IsNamed reports whether a name is lower, which is in lower case. The case of ASCII letters in name does not count.
func IsNamed(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, b := range name {
		if 'A' <= b && b <= 'Z' {
			b |= 0x20
		}
		if b != lower[i] {
			return false
		}
	}
	return true
}

// IsToken holds for the names of fields, methods and protocols (RFC 9110 section 5.6.2).
func IsToken(name []byte) bool { return len(name) > 0 && tokenBytes.HoldsAll(name) }

var tokenBytes = NewByteSet("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

// CutItem returns the first item of a comma-separated list (RFC 9110 section 5.6.1), trimmed, and the list behind it. An
// empty item is returned as such.
func CutItem(list []byte) (item, rest []byte) {
	if i := bytes.IndexByte(list, ','); i >= 0 {
		return Trim(list[:i]), list[i+1:]
	}
	return Trim(list), nil
}

// IsListed reports whether a comma-separated list holds the name, in any case.
func IsListed(list, name []byte) bool {
	for len(list) > 0 {
		var item []byte
		item, list = CutItem(list)
		if bytes.EqualFold(item, name) {
			return true
		}
	}
	return false
}

// ParseLength reads the value of a Content-Length: digits alone, no sign, no list. ok is false as well for a length that
// is close to math.MaxInt64, so that this number never comes from a message.
func ParseLength(digits []byte) (length int64, ok bool) {
	for _, b := range digits {
		if b < '0' || b > '9' || length > (math.MaxInt64-9)/10 {
			return 0, false
		}
		length = length*10 + int64(b-'0')
	}
	return length, len(digits) > 0
}

// HexDigit returns what a hexadecimal digit of either case stands for.
func HexDigit(b byte) (digit byte, ok bool) {
	switch {
	case '0' <= b && b <= '9':
		return b - '0', true
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return b | 0x20 - 'a' + 10, true
	}
	return 0, false
}
