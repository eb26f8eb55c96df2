package routing

import (
	"bytes"
	"errors"
	"unicode"
	"unicode/utf8"

	"gatehouse/gateway/internal/http1"
)

// Why a target is refused.
var (
	ErrMalformed = errors.New("the target is malformed")
	ErrAmbiguous = errors.New("the path can be read in more than one way")
)

// Target is a request target (RFC 9112 section 3.2.1) taken apart. The path is matched and forwarded from segments, so
// that what an upstream reads is what was authorized. It is to be reused from request to request.
type Target struct {
	// Query is as it was sent, with its question mark; empty when there is none.
	Query    []byte
	segments [][]byte // decoded; a path that ends in a slash has an empty last one
	decoded  []byte   // what segments point into, with a slash before each
}

// Parse takes raw apart and refuses every path that two readers could read differently: encoded slashes, dot segments,
// backslashes, semicolons, empty segments, control characters, bytes that are not UTF-8, and forms other than a path.
// Query refers to raw; the rest does not.
func (t *Target) Parse(raw []byte) error {
	path := raw
	t.Query = nil
	if i := bytes.IndexByte(raw, '?'); i >= 0 {
		path, t.Query = raw[:i], raw[i:]
	}
	if !plainQuery(t.Query) {
		return ErrMalformed
	}
	return t.ParsePath(path)
}

// ParsePath is Parse for a path alone.
func (t *Target) ParsePath(path []byte) error {
	if len(path) == 0 || path[0] != '/' {
		return ErrMalformed
	}
	if cap(t.decoded) < len(path) {
		t.decoded = make([]byte, 0, max(256, len(path)))
	}
	t.decoded, t.segments = t.decoded[:0], t.segments[:0]
	for rest := path[1:]; ; {
		raw, next, more := bytes.Cut(rest, []byte{'/'})
		if len(raw) == 0 && more {
			return ErrAmbiguous
		}
		t.decoded = append(t.decoded, '/')
		start := len(t.decoded)
		var err error
		if t.decoded, err = appendDecoded(t.decoded, raw); err != nil {
			return err
		}
		segment := t.decoded[start:len(t.decoded):len(t.decoded)]
		if !unambiguous(segment) {
			return ErrAmbiguous
		}
		t.segments = append(t.segments, segment)
		if !more {
			return nil
		}
		rest = next
	}
}

// from is the decoded path from the segment with that index on.
func (t *Target) from(index int) []byte {
	size := len(t.segments) - index - 1 // slashes
	for _, segment := range t.segments[index:] {
		size += len(segment)
	}
	return t.decoded[len(t.decoded)-size:]
}

// Forget lets go of the request that was parsed last.
func (t *Target) Forget() {
	clear(t.segments)
	t.Query = nil
}

// AppendPath appends the canonical form of the path.
func (t *Target) AppendPath(dst []byte) []byte {
	for _, segment := range t.segments {
		dst = append(dst, '/')
		dst = AppendEncoded(dst, segment)
	}
	return dst
}

func appendDecoded(dst, raw []byte) ([]byte, error) {
	for i := 0; i < len(raw); i++ {
		b := raw[i]
		if b == '%' {
			encoded, ok := http1.PercentDecoded(raw[i:])
			if !ok {
				return dst, ErrMalformed
			}
			b = encoded
			i += 2
		} else if b <= ' ' || b >= utf8.RuneSelf || b == '#' {
			return dst, ErrMalformed
		}
		dst = append(dst, b)
	}
	return dst, nil
}

// unambiguous looks at a decoded segment, so that the plain and the encoded spelling of a byte are refused alike.
func unambiguous(segment []byte) bool { return !isDots(segment) && hasOneReading(segment) }

func isDots(segment []byte) bool {
	return len(segment) <= 2 && (string(segment) == "." || string(segment) == "..")
}

// hasOneReading is unambiguous for a part of a segment.
func hasOneReading(segment []byte) bool {
	ascii := true
	for _, b := range segment {
		switch {
		case b == '/' || b == '\\' || b == ';' || b < ' ' || b == 0x7f:
			return false
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	return ascii || utf8.Valid(segment) && bytes.IndexFunc(segment, unicode.IsControl) < 0
}

// AppendEncoded appends a segment as it stands in a path.
func AppendEncoded(dst, segment []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, b := range segment {
		if plainInPath[b] {
			dst = append(dst, b)
		} else {
			dst = append(dst, '%', digits[b>>4], digits[b&15])
		}
	}
	return dst
}

// plainInPath holds the bytes that are never encoded: those of pchar (RFC 3986 section 3.3), but for the semicolon.
var plainInPath = http1.NewByteSet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@")

func plainQuery(query []byte) bool {
	for _, b := range query {
		if b <= ' ' || b == 0x7f || b == '#' {
			return false
		}
	}
	return true
}
