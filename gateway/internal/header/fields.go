package header

import (
	"bytes"
	"errors"

	"gatehouse/gateway/internal/http1"
)

// What Fields.Parse refuses.
var (
	ErrMalformed          = errors.New("header: malformed")
	ErrUnknownExpectation = errors.New("header: an expectation that is not known")
	ErrTwoAuthorizations  = errors.New("header: more than one Authorization")
)

// Field is one header line of the caller's request, as it was sent.
type Field struct{ Name, Value []byte }

// Fields are the header lines in their order, read from the bytes that the caller sent: fasthttp's own view joins cookies,
// merges trailers into the header, and changes when it is read twice.
type Fields []Field

// Parse reads a header block, strictly: lines that end in CR LF, none of them continued, names that are tokens (RFC 9112
// section 5). It refuses a second field of those that decide about framing or identity. The fields refer to raw.
func (f *Fields) Parse(raw []byte) error {
	list := (*f)[:0]
	var hosts, authorizations, lengths, encodings int
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n')
		if end < 1 || raw[end-1] != '\r' {
			return ErrMalformed
		}
		line := raw[:end-1]
		raw = raw[end+1:]
		if len(line) == 0 {
			break
		}
		nameEnd := bytes.IndexByte(line, ':')
		if nameEnd < 0 {
			return ErrMalformed
		}
		name, value := line[:nameEnd], line[nameEnd+1:]
		if !http1.IsToken(name) || !http1.IsPrintable(value) {
			return ErrMalformed
		}
		value = http1.Trim(value)
		list = append(list, Field{name, value})
		switch len(name) { // most fields are none of these
		case len("host"):
			if http1.IsNamed(name, "host") {
				hosts++
				if !http1.IsHost(value) {
					return ErrMalformed
				}
			}
		case len("expect"):
			if http1.IsNamed(name, "expect") && len(value) > 0 && !http1.IsNamed(value, "100-continue") {
				return ErrUnknownExpectation
			}
		case len("authorization"):
			if http1.IsNamed(name, "authorization") {
				authorizations++
			}
		case len("content-length"):
			if http1.IsNamed(name, "content-length") {
				lengths++
			}
		case len("transfer-encoding"):
			if http1.IsNamed(name, "transfer-encoding") {
				encodings++
				if !http1.IsNamed(value, "chunked") {
					return ErrMalformed
				}
			}
		}
	}
	*f = list
	switch {
	case authorizations > 1:
		return ErrTwoAuthorizations
	case hosts > 1 || lengths+encodings > 1:
		return ErrMalformed
	}
	return nil
}

// Get returns the value of the first field of that lower-case name.
func (f Fields) Get(name string) (value []byte, ok bool) {
	for i := range f {
		if http1.IsNamed(f[i].Name, name) {
			return f[i].Value, true
		}
	}
	return nil, false
}

// Only returns the value of the field of that lower-case name, and false unless there is exactly one.
func (f Fields) Only(name string) (value []byte, ok bool) {
	value, times := f.Count(name)
	return value, times == 1
}

// Count returns how many fields of that lower-case name there are, and the value of the last.
func (f Fields) Count(name string) (value []byte, times int) {
	for i := range f {
		if http1.IsNamed(f[i].Name, name) {
			value, times = f[i].Value, times+1
		}
	}
	return value, times
}

// listedInConnection reports whether a Connection header declares the named field to be for this hop only (RFC 9110
// section 7.6.1).
func (f Fields) listedInConnection(name []byte) bool { return f.Lists("connection", name) }

// Lists reports whether the comma-separated list in the fields of that lower-case name holds item, in any case.
func (f Fields) Lists(name string, item []byte) bool {
	for i := range f {
		if http1.IsNamed(f[i].Name, name) && http1.IsListed(f[i].Value, item) {
			return true
		}
	}
	return false
}
