package credential

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/http1"
)

// Place is where an upstream looks for a credential that is one word. The zero value is no place: ParsePlace makes them.
type Place struct {
	parameter     string // of the query; empty for a header
	header        string // empty for Authorization
	before, after string // what is around it
}

// What a place can begin with.
const (
	inQuery  = "query:"
	inHeader = "header:"
)

// ErrAmbiguousQuery is of a query that two programs could read differently.
var ErrAmbiguousQuery = errors.New("credential: the query can be read in more than one way")

var bearerHeader = Place{before: "Authorization: Bearer ", after: "\r\n"}

// ParsePlace reads query:<parameter> or header:<name>, for the credential of that name. Empty is Authorization, after the word Bearer.
func ParsePlace(text, credential string) (Place, error) {
	if text == "" {
		return bearerHeader, nil
	}
	if credential != LNDHub && credential != Forward {
		return bearerHeader, errors.New("credential_in is for the credentials lndhub and forward")
	}
	if name, ok := strings.CutPrefix(text, inQuery); ok && isPlainName(name) {
		return Place{parameter: name, before: name + "="}, nil
	}
	name, ok := strings.CutPrefix(text, inHeader)
	switch {
	case !ok || !http1.IsToken([]byte(name)):
		return bearerHeader, fmt.Errorf("credential_in is %q, want query:<parameter> or header:<name>", text)
	case strings.EqualFold(name, "authorization"):
		return bearerHeader, errors.New("credential_in: Authorization is where the credential goes without it")
	case !header.MayCarryCredential(name):
		return bearerHeader, fmt.Errorf("credential_in: the field %s has a meaning of its own to the gateway", name)
	}
	return Place{header: name, before: name + ": ", after: "\r\n"}, nil
}

// Field is the name of the field that is the place, and empty where it is Authorization, or no field.
func (p *Place) Field() string { return p.header }

// isPlainName holds for names that are written in a query in one way.
func isPlainName(name string) bool {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	return name != "" && strings.Trim(name, plain) == ""
}

// appendQuery writes the query with the credential, if there is one, as its last parameter. What the caller sent under that
// name does not pass; the rest does, byte for byte. A query in which some programs would see the name and others not is
// refused.
func (p *Place) appendQuery(dst, query, credential []byte) ([]byte, error) {
	start := len(dst)
	add := func(pair []byte) {
		separator := byte('&')
		if len(dst) == start {
			separator = '?'
		}
		dst = append(append(dst, separator), pair...)
	}
	if len(query) > 1 {
		for pair := range bytes.SplitSeq(query[1:], []byte{'&'}) {
			switch named, split := namesParameter(pair, p.parameter); {
			case named && split:
				return dst, ErrAmbiguousQuery
			case !named:
				add(pair)
			}
		}
	}
	if len(credential) > 0 {
		add(credential)
	}
	return dst, nil
}

// namesParameter reports whether the pair has that name to any program that an upstream may be, and whether it is more than
// one pair to some of them, which take a semicolon for an ampersand.
func namesParameter(pair []byte, name string) (named, split bool) {
	for part := range bytes.SplitSeq(pair, []byte{';'}) {
		key, _, _ := bytes.Cut(part, []byte{'='})
		named = named || isReadAs(key, name)
		split = len(part) < len(pair)
	}
	return named, split
}

// isReadAs reports whether a program may read key as name: after percent-decoding, in any case, with spaces or brackets before
// it, with an index in brackets behind it, cut at a NUL, or with an underscore in the place of a space, a dot or a bracket.
func isReadAs(key []byte, name string) bool {
	at := 0
	for i := 0; i < len(key); i++ {
		b := key[i]
		if encoded, ok := http1.PercentDecoded(key[i:]); ok && b == '%' {
			b = encoded
			i += 2
		} else if b == '+' {
			b = ' '
		}
		switch {
		case at == 0 && (b == ' ' || b == '[' || b == ']'):
			continue
		case at == len(name) && (b == 0 || b == '[' || b == ']'):
			return true
		case at == len(name) || foldedInQuery(b) != foldedInQuery(name[at]):
			return false
		}
		at++
	}
	return at == len(name)
}

func foldedInQuery(b byte) byte {
	switch {
	case 'A' <= b && b <= 'Z':
		return b | 0x20
	case b == ' ' || b == '.' || b == '[':
		return '_'
	}
	return b
}
