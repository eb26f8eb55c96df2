package keys

import "bytes"

// scan reads a payload as this issuer writes it: one flat object without spaces, escapes, empty strings, fractions, or
// names that are unknown or there twice. It reports false for everything else, right or wrong: encoding/json decides then.
// What scan accepts, encoding/json reads in the same way, only several times slower.
func (p *payload) scan(body []byte, known ...string) bool {
	s := scanner{body, known}
	if !s.skip('{') {
		return false
	}
	for {
		name, ok := s.text()
		if !ok || !s.skip(':') || !p.scanClaim(&s, name) {
			return false
		}
		if s.skip('}') {
			return len(s.rest) == 0
		}
		if !s.skip(',') {
			return false
		}
	}
}

func (p *payload) scanClaim(s *scanner, name []byte) bool {
	switch string(name) {
	case "iss":
		return s.string(&p.Issuer)
	case "sub":
		return s.string(&p.Subject)
	case "client_id":
		return s.string(&p.ClientID)
	case "scope":
		return s.string(&p.Scope)
	case "jti":
		return s.string(&p.ID)
	case "grant_id":
		return s.string(&p.GrantID)
	case "aud":
		return p.Audience == nil && s.strings((*[]string)(&p.Audience))
	case "iat":
		return s.integer(&p.IssuedAt)
	case "exp":
		return s.integer(&p.ExpiresAt)
	case "nbf":
		return s.integer(&p.NotBefore)
	case "cnf":
		return s.confirmation(&p.Confirmation)
	}
	return false
}

// scanner takes tokens of JSON from the front of what is left.
type scanner struct {
	rest  []byte
	known []string // is used instead of new strings
}

func (s *scanner) skip(b byte) bool {
	if len(s.rest) == 0 || s.rest[0] != b {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// text takes a string of printable ASCII.
func (s *scanner) text() ([]byte, bool) {
	if !s.skip('"') {
		return nil, false
	}
	end := bytes.IndexByte(s.rest, '"')
	if end < 0 {
		return nil, false
	}
	text := s.rest[:end]
	for _, b := range text {
		if b < ' ' || b >= 0x7f || b == '\\' {
			return nil, false
		}
	}
	s.rest = s.rest[end+1:]
	return text, true
}

// string, strings and integer fail when the value is set already: the name came twice.

func (s *scanner) string(value *string) bool {
	text, ok := s.text()
	if !ok || len(text) == 0 || *value != "" {
		return false
	}
	*value = s.kept(text)
	return true
}

// kept returns a text as a string of its own: text is overwritten by the next token.
func (s *scanner) kept(text []byte) string {
	for _, known := range s.known {
		if string(text) == known {
			return known
		}
	}
	return string(text)
}

func (s *scanner) strings(values *[]string) bool {
	if !s.skip('[') {
		*values = make([]string, 1)
		return s.string(&(*values)[0])
	}
	for {
		text, ok := s.text()
		if !ok || len(text) == 0 {
			return false
		}
		*values = append(*values, s.kept(text))
		if s.skip(']') {
			return true
		}
		if !s.skip(',') {
			return false
		}
	}
}

// maxDigits is how many digits fit into an int64 whatever they are.
const maxDigits = 18

func (s *scanner) integer(value *date) bool {
	digits := 0
	var number int64
	for digits < len(s.rest) && '0' <= s.rest[digits] && s.rest[digits] <= '9' {
		if digits == maxDigits {
			return false
		}
		number = number*10 + int64(s.rest[digits]-'0')
		digits++
	}
	if digits == 0 || s.rest[0] == '0' && digits > 1 || value.given {
		return false
	}
	s.rest = s.rest[digits:]
	*value = date{number, true}
	return true
}
