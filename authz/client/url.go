package client

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const maxURL = 2048

// parsePlainURL accepts absolute URLs of visible ASCII without the characters that browsers repair, without userinfo and
// without fragment.
func parsePlainURL(raw string) (*url.URL, error) {
	if err := checkCharacters(raw); err != nil {
		return nil, err
	}
	if strings.Contains(raw, "#") {
		return nil, errors.New("it must not have a fragment")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("it is not a URL")
	case u.Scheme == "":
		return nil, errors.New("it has no scheme")
	case u.User != nil:
		return nil, errors.New("it must not hold a user name")
	}
	return u, nil
}

// checkPath accepts an absolute path, with a query or without, that no browser takes for another host (//host, /\host).
func checkPath(raw string) error {
	if err := checkCharacters(raw); err != nil {
		return err
	}
	if _, err := url.Parse(raw); err != nil {
		return errors.New("it is not a path")
	}
	if strings.HasPrefix(raw, "//") {
		return errors.New("a path must not begin with two slashes")
	}
	return nil
}

// checkCharacters accepts visible ASCII without the characters that browsers repair.
func checkCharacters(raw string) error {
	switch {
	case raw == "":
		return errors.New("it is empty")
	case len(raw) > maxURL:
		return fmt.Errorf("it is longer than %d characters", maxURL)
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"\\<>^`{|}", r) }):
		return errors.New("it contains a character that is not allowed in a URL")
	}
	return nil
}

// checkOrigin accepts a host, and the port of u, that everyone reads alike. The host is that of u; where u has wildcards,
// it is one of those that they stand for.
func checkOrigin(u *url.URL, host string) error {
	switch {
	case !isHost(host):
		return errors.New("its host is not a host name or address")
	case strings.HasSuffix(u.Host, ":"):
		return errors.New("its port is empty")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
			return errors.New("its port is not a number from 1 to 65535")
		}
	}
	return nil
}

func effectivePort(u *url.URL) string {
	switch port := u.Port(); {
	case port != "":
		return port
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

// isHost holds for addresses and for names of letters, digits and hyphens; other alphabets come as punycode.
func isHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == ""
	}
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		}) {
			return false
		}
	}
	return true
}

// IsLocalhost holds for loopback addresses and for localhost and the names below it (RFC 6761 section 6.3), whatever they
// resolve to.
func IsLocalhost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// IsWeb holds for a URI whose host is looked up.
func IsWeb(u *url.URL) bool { return u.Scheme == "https" || u.Scheme == "http" }

// HostOf is the host and port of a redirect URI, and of one with the scheme of a native application that scheme and a
// colon: what such a URI has for a host means nothing, and could be the name of somebody else's site.
func HostOf(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	switch {
	case err != nil || u.Scheme == "":
		return ""
	case !IsWeb(u):
		return u.Scheme + ":"
	}
	return u.Host
}
