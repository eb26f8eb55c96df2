package authz

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/registry"
)

const maxRedirectURI = 2048

// answerParameters are what an authorization response says. A redirect URI that brings its own could make a client take
// someone else's code for the answer.
var answerParameters = []string{"code", "state", "iss", "error", "error_description", "error_uri", "response"}

// scriptSchemes run or read something in the browser instead of reaching an application.
var scriptSchemes = []string{"javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source", "ws", "wss"}

// redirectAllowed reports whether codes for the client may be sent to uri: it is one of the client's redirect URIs,
// character for character, or lies in its domain.
func redirectAllowed(client registry.Client, uri string) bool {
	target, err := parseRedirectURI(uri)
	if err != nil {
		return false
	}
	if slices.Contains(client.RedirectURIs, uri) {
		return true
	}
	if client.Domain == "" {
		return false
	}
	domain, err := parseDomain(client.Domain)
	return err == nil && domain.holds(target)
}

// checkRedirectURI says what keeps a redirect URI from being registered. Codes are sent to it by name, so it is held to
// more than one that lies in a domain of the predecessor's: without TLS it must be on the user's own machine (RFC 9700
// section 2.6).
func checkRedirectURI(raw string) error {
	u, err := parseRedirectURI(raw)
	if err != nil {
		return err
	}
	if u.Scheme == "http" && !isLocalhost(u.Hostname()) {
		return errors.New("http is only allowed for localhost")
	}
	return nil
}

// parseRedirectURI holds a redirect URI to what every browser and HTTP library reads alike. The error says what is wrong
// with it. Schemes of native applications pass.
func parseRedirectURI(raw string) (*url.URL, error) {
	u, err := parsePlainURL(raw)
	if err != nil {
		return nil, err
	}
	switch {
	case u.Scheme == "https" || u.Scheme == "http":
		if err := checkOrigin(u, u.Hostname()); err != nil {
			return nil, err
		}
	case slices.Contains(scriptSchemes, u.Scheme):
		return nil, fmt.Errorf("scheme %q is not one of an application", u.Scheme)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("its query is malformed")
	}
	for _, name := range answerParameters {
		if query.Has(name) {
			return nil, fmt.Errorf("its query must not contain %q", name)
		}
	}
	return u, nil
}

// domain is the predecessor's form of registration: every path of an origin, whose host may have wildcards.
type domain struct {
	scheme string
	port   string
	labels []string // "*" is any one label
}

// parseDomain compiles a client's domain, such as https://*.example.com. Its path says nothing. The error says what is
// wrong with it.
func parseDomain(raw string) (domain, error) {
	u, err := parsePlainURL(raw)
	if err != nil {
		return domain{}, err
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return domain{}, errors.New("it must begin with https:// or http://; other schemes need a redirect URI")
	}
	host := strings.ToLower(u.Hostname())
	labels := strings.Split(host, ".")
	if slices.Contains(labels, "*") {
		if err := checkWildcard(labels); err != nil {
			return domain{}, err
		}
		host = withoutWildcards(labels)
		if u.Scheme == "http" && !isLocalhost(host) {
			return domain{}, errors.New("a wildcard needs https, except for localhost")
		}
	}
	if err := checkOrigin(u, host); err != nil {
		return domain{}, err
	}
	return domain{scheme: u.Scheme, port: effectivePort(u), labels: labels}, nil
}

// holds reports whether u, from parseRedirectURI, lies in the domain.
func (d domain) holds(u *url.URL) bool {
	if u.Scheme != d.scheme || effectivePort(u) != d.port {
		return false
	}
	labels := strings.Split(strings.ToLower(u.Hostname()), ".")
	return slices.EqualFunc(d.labels, labels, func(want, have string) bool { return want == "*" || want == have })
}

// parsePlainURL accepts absolute URLs of visible ASCII without the characters that browsers repair, without userinfo and
// without fragment.
func parsePlainURL(raw string) (*url.URL, error) {
	switch {
	case raw == "":
		return nil, errors.New("it is empty")
	case len(raw) > maxRedirectURI:
		return nil, fmt.Errorf("it is longer than %d characters", maxRedirectURI)
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"\\<>^`{|}", r) }):
		return nil, errors.New("it contains a character that is not allowed in a URL")
	case strings.Contains(raw, "#"):
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

func isLocalhost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
