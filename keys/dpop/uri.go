package dpop

import (
	"net/url"
	"strings"
)

// sameURI compares an htu claim with the URI of a request, without query and fragment (RFC 9449 section 4.3, check 9). Both are
// normalized as RFC 3986 section 6.2.2 and 6.2.3 say:
//
//   - scheme and host are compared in lower case
//   - a default port, and an empty one, is as good as none
//   - an empty path is "/"
//   - percent-encoding has its digits in upper case, and what needs none has none
//   - dot segments are removed
//
// Nothing else is equal: a slash at the end counts, and so does the case of the path.
func sameURI(claim, request string) bool {
	if withoutQuery(claim) == withoutQuery(request) {
		return request != ""
	}
	a, ok := normalized(withoutQuery(claim))
	if !ok {
		return false
	}
	b, ok := normalized(withoutQuery(request))
	return ok && a == b
}

func withoutQuery(uri string) string {
	if end := strings.IndexAny(uri, "?#"); end >= 0 {
		return uri[:end]
	}
	return uri
}

func normalized(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", false
	}
	host = strings.TrimSuffix(host, ":")
	plain := &url.URL{Scheme: scheme, Host: host}
	path := normalizedEscapes(u.EscapedPath())
	if plain.Path, err = url.PathUnescape(path); err != nil {
		return "", false
	}
	plain.RawPath = path
	resolved := new(url.URL).ResolveReference(plain) // removes dot segments
	path = resolved.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path, true
}

// normalizedEscapes is a path whose escapes were checked.
func normalizedEscapes(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b.WriteByte(path[i])
			continue
		}
		escape := strings.ToUpper(path[i : i+3])
		i += 2
		if text, err := url.PathUnescape(escape); err == nil && isUnreserved(text[0]) {
			b.WriteString(text)
		} else {
			b.WriteString(escape)
		}
	}
	return b.String()
}

// isUnreserved holds for what RFC 3986 section 2.3 names.
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
