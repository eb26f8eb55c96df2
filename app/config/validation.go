package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// validation collects problems, each with the key it is about.
type validation struct {
	problems []error
}

func (v *validation) add(key, format string, args ...any) {
	v.problems = append(v.problems, fmt.Errorf("%s: "+format, append([]any{key}, args...)...))
}

// err adds a problem that another package found, or each of them when it found several.
func (v *validation) err(key string, err error) {
	if err == nil {
		return
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			v.err(key, one)
		}
		return
	}
	v.problems = append(v.problems, fmt.Errorf("%s: %w", key, err))
}

func (v *validation) required(key, value string) {
	if value == "" {
		v.add(key, "is required")
	}
}

func (v *validation) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		v.add(key, "must be one of %s, not %q", strings.Join(allowed, ", "), value)
	}
}

func (v *validation) positive(key string, d time.Duration) {
	if d <= 0 {
		v.add(key, "must be more than 0, not %s", d)
	}
}

func (v *validation) between(key string, d, least, most time.Duration) {
	if d < least || d > most {
		v.add(key, "must be %s to %s, not %s", least, most, d)
	}
}

func (v *validation) atLeast(key string, d, least time.Duration) {
	if d < least {
		v.add(key, "must be at least %s, not %s", least, d)
	}
}

// seconds is for lifetimes that end up in a token, which knows only whole seconds.
func (v *validation) seconds(key string, d time.Duration) {
	if d < time.Second || d%time.Second != 0 {
		v.add(key, "must be a whole number of seconds of at least 1s, not %s", d)
	}
}

func (v *validation) address(key, address string) {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		v.add(key, "must be host:port, not %q", address)
	}
}

func (v *validation) url(key, value string) {
	parsed, err := url.Parse(value)
	switch {
	case err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https":
		v.add(key, "must be an http or https URL, not %q", SecretURL(value).String())
	case parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		v.add(key, "must have no credentials, query or fragment")
	}
}

func (v *validation) within(key string, n, least, most int) {
	if n < least || n > most {
		v.add(key, "must be %d to %d, not %d", least, most, n)
	}
}

func (v *validation) notBelow(key string, n, least int) {
	if n < least {
		v.add(key, "must be at least %d, not %d", least, n)
	}
}
