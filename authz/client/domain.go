package client

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"gatehouse/authz/internal/text"
)

// domain is how clients of oauth2server are registered: with every path of an origin, whose host may have wildcards.
type domain struct {
	scheme string
	port   string
	labels []string // "*" is any one label
}

// parseDomain compiles a client's domain, such as https://*.example.com. Its path does not count. The error says what is
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
		if u.Scheme == "http" && !IsLocalhost(host) {
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

// checkWildcard refuses a wildcard under which anyone could register a name and receive the client's codes. What follows
// the last wildcard must be a name that one organization controls, not a public suffix such as com or github.io.
func checkWildcard(labels []string) error {
	last := len(labels) - 1
	for last >= 0 && labels[last] != "*" {
		last--
	}
	fixed := labels[last+1:]
	if slices.Equal(fixed, []string{"localhost"}) {
		return nil
	}
	name := strings.Join(fixed, ".")
	if len(fixed) == 0 || text.IsDigits(fixed[len(fixed)-1]) {
		return errors.New("a wildcard must stand before a domain name")
	}
	if _, err := publicsuffix.EffectiveTLDPlusOne(name); err != nil {
		return errors.New("a wildcard must not stand directly before a public suffix")
	}
	return nil
}

// withoutWildcards is one of the hosts that the labels stand for.
func withoutWildcards(labels []string) string {
	host := slices.Clone(labels)
	for i, label := range host {
		if label == "*" {
			host[i] = "any"
		}
	}
	return strings.Join(host, ".")
}
