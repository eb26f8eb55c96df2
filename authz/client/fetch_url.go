package client

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxFetchURL is the longest URL that is fetched: no longer than an id can be, since a metadata document's is one.
const maxFetchURL = maxID

// ParseFetchURL accepts the URL of what is fetched of a client, such as its keys: https, with a path, without dot segments, user and
// fragment; a query may be there. Further, host and port have one spelling, the host is a name, and the port is 443 or above 1023: what
// listens below is of other protocols.
func ParseFetchURL(raw string) (*url.URL, error) {
	if !strings.HasPrefix(raw, "https://") || len(raw) > maxFetchURL {
		return nil, fmt.Errorf("it does not begin with https://, or is longer than %d characters", maxFetchURL)
	}
	if err := CheckRedirectURI(raw); err != nil { // absolute, of plain characters, with a sane host, without a fragment
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
	return u, checkFetchPath(u.EscapedPath())
}

func checkFetchPath(path string) error {
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
