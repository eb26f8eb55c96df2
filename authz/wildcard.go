package authz

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// checkWildcard refuses a wildcard that would let anyone who can register a name receive the client's codes: the labels
// after the last wildcard must be a name that one organization controls, not a public suffix such as com or github.io.
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
	if len(fixed) == 0 || isNumber(fixed[len(fixed)-1]) {
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
