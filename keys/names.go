package keys

import (
	"bytes"
	"slices"
)

// readsOneWay reports whether every reader finds the same members in a JSON object: encoding/json takes SUB for sub, and of
// two members with one name the last; others do not. The object is valid JSON.
func readsOneWay(object []byte) bool {
	names := make([][]byte, 0, 16)
	depth := 0
	for i := 0; i < len(object); i++ {
		switch object[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			text := object[i+1 : i+1+stringEnd(object[i+1:])]
			i += len(text) + 1
			if depth != 1 || !isName(object[i+1:]) {
				continue
			}
			if !isPlainName(text) || slices.ContainsFunc(names, func(name []byte) bool { return bytes.Equal(name, text) }) {
				return false
			}
			names = append(names, text)
		}
	}
	return true
}

// stringEnd is the index of the quotation mark that ends a string.
func stringEnd(text []byte) int {
	for i := 0; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
}

// isName tells from what follows a string whether it is the name of a member.
func isName(rest []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), colon)
}

var colon = []byte{':'}

// isPlainName holds for names that are their own lower case and have no escapes.
func isPlainName(name []byte) bool {
	for _, b := range name {
		if b == '\\' || 'A' <= b && b <= 'Z' || b >= 0x80 {
			return false
		}
	}
	return true
}
