package handshake

import (
	"fmt"
	"slices"

	"gatehouse/gateway/internal/header"
	"gatehouse/gateway/internal/http1"
)

// Origins is the list of origins (RFC 6454) whose pages may open a WebSocket; nil allows all. A browser lets any page
// open a WebSocket to anywhere, and names the page's origin. A request without Origin comes from no browser and passes.
type Origins []string

const anyOrigin = "*"

// ParseOrigins refuses an origin that no browser sends, because it would never match.
func ParseOrigins(list []string) (Origins, error) {
	for _, text := range list {
		if text != anyOrigin && !http1.IsOrigin(text) {
			return nil, fmt.Errorf("the origin %q is not of the form scheme://host[:port] that browsers send", text)
		}
	}
	if len(list) == 0 || slices.Contains(list, anyOrigin) {
		return nil, nil
	}
	return list, nil
}

func (o Origins) check(f header.Fields) error {
	if o == nil {
		return nil
	}
	times := 0
	for i := range f {
		if !http1.IsNamed(f[i].Name, "origin") {
			continue
		}
		if times++; times > 1 || !slices.Contains(o, string(f[i].Value)) {
			return ErrForeignOrigin
		}
	}
	return nil
}
