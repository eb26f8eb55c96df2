package gateway

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/gateway/internal/http1"
)

// headerRules is what the configuration says about header fields on their way to an upstream.
type headerRules struct {
	via         string
	fromProxies []string // in lower case
	dropped     []droppedName
}

// droppedName is folded as policyOf folds names: upstreams may take X_Consumer_Id for X-Consumer-Id.
type droppedName struct {
	name     string
	isPrefix bool
}

func compileHeaderRules(drop []string, config *Config) (headerRules, error) {
	rules := headerRules{via: config.Via, fromProxies: make([]string, len(config.TrustedProxyHeaders))}
	for i, name := range config.TrustedProxyHeaders {
		rules.fromProxies[i] = strings.ToLower(name)
	}
	var problems []error
	for _, pattern := range drop {
		name, isPrefix := strings.CutSuffix(pattern, "*")
		if !http1.IsToken([]byte(name)) || strings.Contains(name, "*") {
			problems = append(problems, fmt.Errorf("drop_headers: %q is no name of a header field", pattern))
			continue
		}
		rules.dropped = append(rules.dropped, droppedName{string(appendFolded(nil, []byte(name))), isPrefix})
	}
	return rules, errors.Join(problems...)
}

// drop keeps the field of that name from passing, if there is one.
func (h *headerRules) drop(name string) {
	if name != "" {
		h.dropped = append(h.dropped, droppedName{name: string(appendFolded(nil, []byte(name)))})
	}
}

// ValidateTrustedProxyHeaders joins what is wrong with each name.
func ValidateTrustedProxyHeaders(names []string) error {
	var problems []error
	for _, name := range names {
		switch policyOf([]byte(name)) {
		case passWhenTrusted:
		case passFromProxies:
			problems = append(problems, fmt.Errorf("%s passes from trusted proxies anyway", name))
		default:
			problems = append(problems, fmt.Errorf("%q says nothing about a caller's connection that a proxy is believed", name))
		}
	}
	return errors.Join(problems...)
}

func (h *headerRules) isFromProxies(name []byte) bool {
	for _, named := range h.fromProxies {
		if http1.IsNamed(name, named) {
			return true
		}
	}
	return false
}

func (h *headerRules) isDropped(name []byte) bool {
	if h == nil || len(h.dropped) == 0 {
		return false
	}
	var buffer [64]byte
	folded := appendFolded(buffer[:0], name)
	for _, dropped := range h.dropped {
		if string(folded) == dropped.name || dropped.isPrefix && strings.HasPrefix(string(folded), dropped.name) {
			return true
		}
	}
	return false
}

// appendFolded adds the name in lower case, with a hyphen in the place of everything but letters and digits.
func appendFolded(dst, name []byte) []byte {
	for _, b := range name {
		switch {
		case 'A' <= b && b <= 'Z':
			b |= 0x20
		case 'a' <= b && b <= 'z', '0' <= b && b <= '9':
		default:
			b = '-'
		}
		dst = append(dst, b)
	}
	return dst
}
