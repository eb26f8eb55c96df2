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
	// fixed is how many labels follow the last "*"; 0 where there is none, or where all names lead to this machine.
	fixed int
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
	fixed := 0
	if slices.Contains(labels, "*") {
		if fixed, err = checkWildcard(labels); err != nil {
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
	return domain{scheme: u.Scheme, port: effectivePort(u), labels: labels, fixed: fixed}, nil
}

// holds reports whether u, from parseRedirectURI, lies in the domain.
func (d domain) holds(u *url.URL) bool {
	if u.Scheme != d.scheme || effectivePort(u) != d.port {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return slices.EqualFunc(d.labels, strings.Split(host, "."), func(want, have string) bool { return want == "*" || want == have }) &&
		(d.fixed == 0 || isOwned(host, d.fixed))
}

// checkWildcard refuses a wildcard under which anyone could register a name and receive the client's codes, and counts the
// labels that follow the last one. What they name must belong to one organization together with all that the wildcards
// stand for: not a public suffix such as com or github.io, nor a name above one, such as compute.amazonaws.com.
func checkWildcard(labels []string) (fixed int, err error) {
	last := len(labels) - 1
	for last >= 0 && labels[last] != "*" {
		last--
	}
	name := labels[last+1:]
	if slices.Equal(name, []string{"localhost"}) {
		return 0, nil
	}
	if len(name) == 0 || text.IsDigits(name[len(name)-1]) {
		return 0, errors.New("a wildcard must stand before a domain name")
	}
	if !isOwned(withoutWildcards(labels), len(name)) {
		return 0, errors.New("a wildcard must not stand for a public suffix, nor directly before one")
	}
	return len(name), nil
}

// isOwned reports whether the last labels of a host, so many of them, belong to the organization that has the host. The
// public suffix list has wildcards of its own, and suffixes below other people's names: each host is judged by itself.
func isOwned(host string, labels int) bool {
	owned, err := publicsuffix.EffectiveTLDPlusOne(host)
	return err == nil && strings.Count(owned, ".") < labels
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
