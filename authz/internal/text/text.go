// Package text judges, compares and hashes texts that callers send. It knows nothing of what they mean.
package text

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"unicode/utf8"
)

// IsStorable holds for what every part behind the endpoints can keep: valid UTF-8 without NUL.
func IsStorable(s string) bool {
	return utf8.ValidString(s) && !strings.Contains(s, "\x00")
}

// IsDigits holds for one decimal digit or more, and nothing else.
func IsDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// IsSame compares in a time that does not depend on where, or in length, the two differ.
func IsSame(want, have string) bool {
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(have))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
