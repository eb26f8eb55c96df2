package document

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/authz/client"
)

// maxURL is the longest id that a client can have.
const maxURL = 200

// IsURL reports whether a client_id is meant to be that of a document. Find says whether it is one. No id that is chosen here
// begins so.
func IsURL(clientID string) bool { return strings.HasPrefix(clientID, "https://") }

// parseURL accepts the URLs of section 3 of the draft: https, with a path, without dot segments, user and fragment; a query may
// be there. Further, host and port have one spelling, the host is a name, and the port is 443 or above 1023: what listens below is
// of other protocols.
func parseURL(raw string) (*url.URL, error) {
	u, err := checkURL(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	return u, nil
}

func checkURL(raw string) (*url.URL, error) {
	if !IsURL(raw) || len(raw) > maxURL {
		return nil, fmt.Errorf("it does not begin with https://, or is longer than %d characters", maxURL)
	}
	if err := client.CheckRedirectURI(raw); err != nil { // absolute, of plain characters, with a sane host, without a fragment
		return nil, err
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("it is not a URL")
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil || strings.Trim(host, "0123456789.") == "" {
		return nil, errors.New("its host is an address")
	}
	if host != strings.ToLower(host) {
		return nil, errors.New("its host is not in lower case")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1024 {
			return nil, errors.New("its port is 443, which needs no mention, or one of another protocol")
		}
	}
	return u, checkPath(u.EscapedPath())
}

func checkPath(path string) error {
	if path == "" {
		return errors.New("it has no path")
	}
	for segment := range strings.SplitSeq(path, "/") {
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".", "..":
			return errors.New("its path has a dot segment")
		}
	}
	return nil
}
