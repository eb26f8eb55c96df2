package header

import (
	"bytes"

	"gatehouse/gateway/internal/http1"
)

// ownCookie begins the names of the cookies by which the authorization server knows in which browser a user is signed in, after the
// prefix that browsers give a meaning. An upstream that saw one could act as the user here; one that set one could sign its
// visitors in as somebody else. They have the same origin as the routes, so that browsers would do both.
const ownCookie = "gatehouse"

var ownCookieBytes = []byte(ownCookie)

// withoutOwnCookies is the value of a Cookie field for an upstream: as it came where it holds nothing of ours, and nil where it
// holds nothing else.
func withoutOwnCookies(value []byte) []byte {
	if !bytes.Contains(value, ownCookieBytes) {
		return value
	}
	var kept []byte
	for pair := range bytes.SplitSeq(value, []byte{';'}) {
		if isOwnCookie(pair) {
			continue
		}
		if len(kept) > 0 {
			kept = append(kept, ';')
		}
		kept = append(kept, pair...)
	}
	return http1.Trim(kept)
}

// isOwnCookie looks at name=value, and at what follows it in a Set-Cookie.
func isOwnCookie(pair []byte) bool {
	name, _, _ := bytes.Cut(pair, []byte{'='})
	name = bytes.TrimPrefix(http1.Trim(name), []byte("__Host-"))
	rest, isOwn := bytes.CutPrefix(name, ownCookieBytes)
	return isOwn && (len(rest) == 0 || rest[0] == '-')
}

// setsOwnCookie holds for a Set-Cookie field of an answer that callers must not believe.
func setsOwnCookie(name, value []byte) bool {
	// Browsers that take a cookie without a name send =name=value back as name=value.
	return http1.IsNamed(name, "set-cookie") && isOwnCookie(bytes.TrimLeft(value, "= \t"))
}
