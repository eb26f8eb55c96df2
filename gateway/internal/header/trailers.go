package header

import (
	"bytes"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"

	"gatehouse/gateway/internal/http1"
)

// AppendTrailers adds to dst the lines of a trailer section that were announced and may pass, and drops the others. By
// the time of a trailer everything was decided by the header, so a trailer may say nothing that matters there.
func AppendTrailers(dst, section, announced []byte) []byte {
	for len(section) > 0 {
		var line []byte
		line, section, _ = bytes.Cut(section, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte{':'})
		if ok && http1.IsListed(announced, name) && mayTrail(name) && http1.IsPrintable(value) {
			dst = append(append(dst, name...), ": "...)
			dst = append(append(dst, http1.Trim(value)...), "\r\n"...)
		}
	}
	return dst
}

// AppendAnnounced adds to dst, as a list, those names of announced that may be trailers. rules are those of the way to an
// upstream; nil has none.
func AppendAnnounced(dst, announced []byte, rules *Rules) []byte {
	before := len(dst)
	for len(announced) > 0 {
		var name []byte
		if name, announced = http1.CutItem(announced); mayTrail(name) && !rules.isDropped(name) {
			if len(dst) > before {
				dst = append(dst, ", "...)
			}
			dst = append(dst, name...)
		}
	}
	return dst
}

// mayTrail refuses names that say how a message is to be read, who sent it or what a browser may do with it (RFC 9110
// section 6.5.1), and everything that would not pass in a header.
func mayTrail(name []byte) bool {
	canonical := textproto.CanonicalMIMEHeaderKey(string(name))
	switch canonical {
	case "Cookie", "Set-Cookie", "Location", "Origin", "Date", "Age", "Expires", "Vary", "Retry-After", "Link", "Refresh":
		return false
	}
	for _, prefix := range []string{"Access-Control-", "Sec-", "Strict-Transport-", "Cross-Origin-", "X-Frame-", "X-Content-Type-"} {
		if strings.HasPrefix(canonical, prefix) {
			return false
		}
	}
	return http1.IsToken(name) && httpguts.ValidTrailerHeader(canonical) && policyOf(name) == passAlways
}
