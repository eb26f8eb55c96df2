package registration

import (
	"net/url"
	"slices"

	"gatehouse/authz/client"
)

// link is a URL of the web that is written as everybody reads it; "" where it is none.
func link(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || client.CheckLink(raw) != nil {
		return ""
	}
	return raw
}

// siteOf is the site that users are told a client comes from; "" where somebody else's could be meant: each of its redirect URIs has
// to lead to that host.
func siteOf(site string, redirectURIs []string) string {
	at, err := url.Parse(site)
	if err != nil || slices.ContainsFunc(redirectURIs, func(uri string) bool {
		u, err := url.Parse(uri)
		return err != nil || u.Scheme != "https" || u.Host != at.Host
	}) {
		return ""
	}
	return site
}
