package resource

import (
	"errors"
	"net/url"
	"strings"

	"gatehouse/gateway/internal/routing"
)

// identifier is the URL of a resource, or of something that belongs to one, in its one spelling: two that an HTTP client takes for
// the same are equal (RFC 3986 section 6.2), and so are one with a slash at the end and one without.
type identifier struct {
	origin string // scheme://host[:port] in lower case, without the port that the scheme has by itself
	path   string // canonical, without a slash at the end; empty for none
}

func (i identifier) String() string { return i.origin + i.path }

// parseIdentifier refuses what RFC 8707 section 2 does not allow, and whatever two programs could read differently.
func parseIdentifier(raw string) (identifier, error) {
	refuse := func(reason string) (identifier, error) { return identifier{}, errors.New(reason) }
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return refuse("it is no URL")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return refuse("it is no URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Opaque != "":
		return refuse("it is no http or https URL")
	case u.User != nil:
		return refuse("it has a user or password")
	case u.RawQuery != "" || u.ForceQuery:
		return refuse("it has a query")
	case strings.Contains(raw, "#"):
		return refuse("it has a fragment")
	case u.Hostname() == "" || strings.ContainsFunc(u.Host, isNoHost):
		return refuse("it has no host, or one that is not valid")
	}
	path, err := canonicalPath(strings.TrimSuffix(u.EscapedPath(), "/"))
	if err != nil {
		return refuse("its path could be read in more than one way")
	}
	return identifier{u.Scheme + "://" + canonicalHost(u.Scheme, u.Host), path}, nil
}

func isNoHost(r rune) bool {
	isName := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !isName && !strings.ContainsRune("-._:[]", r)
}

// canonicalHost is the host with its port, unless that is the scheme's own.
func canonicalHost(scheme, host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ":")
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

func canonicalPath(escaped string) (string, error) {
	if escaped == "" {
		return "", nil
	}
	var target routing.Target
	if err := target.ParsePath([]byte(escaped)); err != nil {
		return "", err
	}
	return string(target.AppendPath(nil)), nil
}

// cutBase returns what follows base in a path; false where the path is not below it.
func cutBase(path, base string) (rest string, below bool) {
	rest, found := strings.CutPrefix(path, base)
	return rest, found && (rest == "" || rest[0] == '/')
}
