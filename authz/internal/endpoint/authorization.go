package endpoint

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/ory/fosite"
)

// ReadBearer takes the token from the Authorization header (RFC 6750 section 2.1). oauth2server took it without the
// scheme, too.
func ReadBearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	switch len(headers) {
	case 0:
		return "", ErrInvalidToken
	case 1:
	default:
		return "", fosite.ErrInvalidRequest.WithHint("There are several Authorization headers.")
	}
	scheme, token, hasScheme := strings.Cut(headers[0], " ")
	switch {
	case !hasScheme:
		return headers[0], nil
	case !strings.EqualFold(scheme, "Bearer"):
		return "", ErrInvalidToken
	}
	return strings.TrimSpace(token), nil
}

// ParseBasic decodes a Basic Authorization header (RFC 7617) without interpreting what it holds.
func ParseBasic(header string) (login, password string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(decoded), ":")
}

// HasToken holds for an Authorization header that a browser never sends by itself.
func HasToken(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return scheme != "" && !strings.EqualFold(scheme, "Basic")
}
