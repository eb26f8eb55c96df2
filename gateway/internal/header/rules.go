package header

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/gateway/internal/http1"
)

// Rules is what the configuration says about header fields on their way to an upstream. It is safe for concurrent use, but for Drop.
type Rules struct {
	via         string
	fromProxies []string // in lower case
	dropped     []droppedName
}

// droppedName is folded as policyOf folds names: upstreams may take X_Consumer_Id for X-Consumer-Id.
type droppedName struct {
	name     string
	isPrefix bool
}

// NewRules takes the gateway's name in Via, empty for none, the fields besides the usual that are believed of trusted proxies, and
// those that never pass: names, or beginnings of names with a * at the end. The error joins every name that is none.
func NewRules(via string, fromProxies, drop []string) (Rules, error) {
	rules := Rules{via: via, fromProxies: make([]string, len(fromProxies))}
	for i, name := range fromProxies {
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

// Drop keeps the field of that name from passing, if there is one.
func (h *Rules) Drop(name string) {
	if name != "" {
		h.dropped = append(h.dropped, droppedName{name: string(appendFolded(nil, []byte(name)))})
	}
}

// ValidateFromProxies joins what is wrong with each name of a field that trusted proxies are to be believed.
func ValidateFromProxies(names []string) error {
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

func (h *Rules) isFromProxies(name []byte) bool {
	for _, named := range h.fromProxies {
		if http1.IsNamed(name, named) {
			return true
		}
	}
	return false
}

func (h *Rules) isDropped(name []byte) bool {
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
