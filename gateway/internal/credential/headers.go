package credential

import (
	"bytes"
	"errors"

	"gatehouse/gateway/internal/http1"
	"gatehouse/keys"
)

// headers is for upstreams that trust the network between the gateway and themselves. The lines are
// X-Gatehouse-Subject, -Client, -Scope (space-separated), -Token-Id, and -Grant unless the token was issued to a client
// for itself.
type headers struct{}

var _ maker = headers{}

// errUnprintableClaim keeps a claim from ending its header line and beginning another.
var errUnprintableClaim = errors.New("a claim of the token cannot be written in a header")

func (headers) append(dst []byte, claims *keys.Claims, _ []byte) ([]byte, error) {
	ok := true
	line := func(name string, values ...string) {
		dst = append(append(dst, name...), ": "...)
		for i, value := range values {
			if i > 0 {
				dst = append(dst, ' ')
			}
			start := len(dst)
			dst = append(dst, value...)
			ok = ok && http1.IsPrintable(dst[start:]) && bytes.IndexByte(dst[start:], '\t') < 0
		}
		dst = append(dst, "\r\n"...)
	}
	line("X-Gatehouse-Subject", claims.Subject)
	line("X-Gatehouse-Client", claims.ClientID)
	line("X-Gatehouse-Scope", claims.Scopes...)
	line("X-Gatehouse-Token-Id", claims.ID)
	if claims.GrantID != "" {
		line("X-Gatehouse-Grant", claims.GrantID)
	}
	if !ok {
		return nil, errUnprintableClaim
	}
	return dst, nil
}
