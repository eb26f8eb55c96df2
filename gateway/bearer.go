package gateway

import (
	"bytes"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/http1"
)

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
