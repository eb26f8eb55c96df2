package gateway

import (
	"fmt"
	"slices"

	"gatehouse/gateway/internal/http1"
)

// originCheck knows the origins (RFC 6454) whose pages may open a WebSocket; nil means all. Browsers let any page open a
// WebSocket to anywhere and name the page's origin in the handshake; other programs send no Origin and are not held back.
type originCheck []string

// parseOrigins refuses what no browser sends: it would never match.
func parseOrigins(list []string) (originCheck, error) {
	for _, text := range list {
		if text != anyOrigin && !isOrigin(text) {
			return nil, fmt.Errorf("the origin %q is not of the form scheme://host[:port] that browsers send", text)
		}
	}
	if len(list) == 0 || slices.Contains(list, anyOrigin) {
		return nil, nil
	}
	return list, nil
}

func (o originCheck) check(f fields) error {
	if o == nil {
		return nil
	}
	times := 0
	for i := range f {
		if !http1.IsNamed(f[i].name, "origin") {
			continue
		}
		if times++; times > 1 || !slices.Contains(o, string(f[i].value)) {
			return errForeignOrigin
		}
	}
	return nil
}
