package http1

import (
	"net/url"
	"strings"
)

// IsOrigin holds for an origin (RFC 6454) in the one spelling that a browser sends: lower case, no default port, no slash at the end.
func IsOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != text || strings.ToLower(text) != text {
		return false
	}
	isDefault := u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443"
	return u.Hostname() != "" && !strings.HasSuffix(text, ":") && !isDefault && !strings.ContainsAny(u.Host, "*@, ")
}
