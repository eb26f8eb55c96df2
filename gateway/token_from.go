package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/http1"
)

// tokenSources are where a WebSocket may bring its token besides Authorization: a page in a browser cannot set that for a
// WebSocket. It can for ordinary requests, which have no use for other sources.
type tokenSources struct {
	parameter   string // of the query; empty for none
	subprotocol bool
}

// What Route.TokenFrom can hold.
const (
	tokenFromQuery       = "query:"
	tokenFromSubprotocol = "subprotocol"
)

func parseTokenSources(list []string) (tokenSources, error) {
	var sources tokenSources
	for _, text := range list {
		parameter, isQuery := strings.CutPrefix(text, tokenFromQuery)
		switch {
		case isQuery && sources.parameter != "":
			return sources, errors.New("token_from has two query parameters")
		case isQuery && http1.IsToken([]byte(parameter)) && !strings.ContainsAny(parameter, "%+&"):
			sources.parameter = parameter
		case text == tokenFromSubprotocol:
			sources.subprotocol = true
		default:
			return sources, fmt.Errorf("token_from has %q, want query:<parameter> or subprotocol", text)
		}
	}
	return sources, nil
}

// token returns the request's access token and takes it out of what is forwarded. It returns nil when there is none. A
// request with two is refused: two programs could see two callers (RFC 6750 section 2).
func (r *request) token(to *rule) ([]byte, error) {
	token, isDPoP, err := bearer(r.fields, to.fromTargets)
	r.isDPoP = isDPoP
	if to.webSocket == nil {
		return token, err
	}
	sources := to.webSocket.tokenFrom
	times := 0
	if _, ok := r.fields.Get("authorization"); ok {
		times++
	}
	if sources.parameter != "" {
		value, n := r.takeParameter(sources.parameter)
		if n > 0 && !r.handshake.Wanted {
			return nil, errTokenInQuery
		}
		if n > 0 {
			token, times = value, times+n
		}
	}
	if sources.subprotocol {
		value, n := r.handshake.TakeToken()
		if n > 0 {
			token, times = value, times+n
		}
	}
	if times > 1 {
		return nil, errTwoTokens
	}
	return token, err
}

const bearerScheme = "bearer"

// bearer returns the token of the Authorization header (RFC 6750 section 2.1), and whether it says that a proof comes with it
// (RFC 9449 section 7.1). It is nil when there is none. Tokens in the query or the body are not looked for: they end up in logs.
//
// The fields were parsed, so there is at most one such header. bare lets the token stand alone in it, as oauth2server did;
// nothing at all is then no token.
func bearer(f header.Fields, bare bool) (token []byte, isDPoP bool, err error) {
	value, ok := f.Get("authorization")
	if !ok || bare && len(value) == 0 {
		return nil, false, nil
	}
	scheme, token, ok := bytes.Cut(value, []byte{' '})
	isDPoP = http1.IsNamed(scheme, dpopScheme)
	if !isDPoP && !http1.IsNamed(scheme, bearerScheme) {
		if bare && !ok {
			return value, false, nil
		}
		return nil, false, errMissingToken
	}
	if !ok {
		return nil, isDPoP, errInvalidToken
	}
	return token, isDPoP, nil // a verifier refuses all that is not in a canonical token: a second space, a comma, nothing at all
}

// takeParameter removes every parameter of that name from the query, however the name is encoded, and returns how many there
// were and the value of the last. The value is not decoded: no byte of a token needs to be encoded.
func (r *request) takeParameter(name string) (value []byte, times int) {
	query := r.target.Query
	if len(query) == 0 {
		return nil, 0
	}
	kept := r.query[:0]
	for pair := range bytes.SplitSeq(query[1:], []byte{'&'}) {
		key, v, _ := bytes.Cut(pair, []byte{'='})
		if isSpelled(key, name) {
			value, times = append([]byte{}, v...), times+1 // never nil: there was one
			continue
		}
		separator := byte('&')
		if len(kept) == 0 {
			separator = '?'
		}
		kept = append(append(kept, separator), pair...)
	}
	if times > 0 {
		r.query, r.target.Query = kept, kept
	}
	return value, times
}

// isSpelled reports whether key, percent-decoded, is name.
func isSpelled(key []byte, name string) bool {
	for i := 0; i < len(key); i++ {
		b := key[i]
		if encoded, ok := http1.PercentDecoded(key[i:]); ok && b == '%' {
			b = encoded
			i += 2
		}
		if name == "" || name[0] != b {
			return false
		}
		name = name[1:]
	}
	return name == ""
}
