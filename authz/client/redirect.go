package client

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"gatehouse/registry"
)

// answerParameters are what an authorization response says. With one of its own, a redirect URI could make a client take
// someone else's code for the answer.
var answerParameters = []string{"code", "state", "iss", "error", "error_description", "error_uri", "response"}

// scriptSchemes run or read something in the browser instead of reaching an application.
var scriptSchemes = []string{"javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source", "ws", "wss"}

// RedirectAllowed reports whether codes for the client may be sent to uri: it is one of the client's redirect URIs,
// character for character (RFC 9700 section 2.1), or lies in its domain.
func RedirectAllowed(client registry.Client, uri string) bool {
	target, err := parseRedirectURI(uri)
	if err != nil {
		return false
	}
	if slices.Contains(client.RedirectURIs, uri) {
		return true
	}
	if client.Domain == "" {
		return false
	}
	domain, err := parseDomain(client.Domain)
	return err == nil && domain.holds(target)
}

// checkRedirectURI says what keeps a redirect URI from being registered. Without TLS it must be on the user's own machine
// (RFC 9700 section 2.6). A domain, which is oauth2server's way of registering, is not held to that.
func checkRedirectURI(raw string) error {
	u, err := parseRedirectURI(raw)
	if err != nil {
		return err
	}
	if u.Scheme == "http" && !IsLocalhost(u.Hostname()) {
		return errors.New("http is only allowed for localhost")
	}
	return nil
}

// parseRedirectURI accepts what every browser and HTTP library reads alike, and the schemes of native applications. The
// error says what is wrong.
func parseRedirectURI(raw string) (*url.URL, error) {
	u, err := parsePlainURL(raw)
	if err != nil {
		return nil, err
	}
	switch {
	case u.Scheme == "https" || u.Scheme == "http":
		if err := checkOrigin(u, u.Hostname()); err != nil {
			return nil, err
		}
	case slices.Contains(scriptSchemes, u.Scheme):
		return nil, fmt.Errorf("scheme %q is not one of an application", u.Scheme)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("its query is malformed")
	}
	for _, name := range answerParameters {
		if query.Has(name) {
			return nil, fmt.Errorf("its query must not contain %q", name)
		}
	}
	return u, nil
}
