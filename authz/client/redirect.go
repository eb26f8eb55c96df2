package client

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse/registry"
)

// answerParameters are what an authorization response says. With one of its own, a redirect URI could make a client take
// someone else's code for the answer.
var answerParameters = []string{"code", "state", "iss", "error", "error_description", "error_uri", "response"}

// scriptSchemes run or read something in the browser instead of reaching an application.
var scriptSchemes = []string{"javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source", "ws", "wss", "intent"}

// RedirectAllowed reports whether codes for the client may be sent to uri: it is one of the client's redirect URIs,
// character for character (RFC 9700 section 2.1) but for the port of a loopback one (RFC 8252 section 7.3), or lies in its
// domain.
func RedirectAllowed(client registry.Client, uri string) bool {
	target, err := parseRedirectURI(uri)
	if err != nil {
		return false
	}
	if slices.Contains(client.RedirectURIs, uri) {
		return true
	}
	if rest, ok := besidesPort(target, uri); ok && slices.ContainsFunc(client.RedirectURIs, func(registered string) bool {
		u, err := parseRedirectURI(registered)
		if err != nil {
			return false
		}
		other, ok := besidesPort(u, registered)
		return ok && other == rest
	}) {
		return true
	}
	if client.Domain == "" {
		return false
	}
	domain, err := parseDomain(client.Domain)
	return err == nil && domain.holds(target)
}

// SoleRedirectURI is where codes for the client are sent when a request does not say: its only redirect URI (RFC 6749
// section 3.1.2.3). Not ok where it has several, or a domain, which is only a part of one.
func SoleRedirectURI(client registry.Client) (uri string, ok bool) {
	if client.Domain != "" || len(client.RedirectURIs) != 1 {
		return "", false
	}
	return client.RedirectURIs[0], true
}

// loopbackHosts are where an application that runs on the user's own machine listens, on whatever port is free.
var loopbackHosts = []string{"127.0.0.1", "::1", "localhost"}

// besidesPort is a loopback redirect URI without its port, all else as it was written. u is the URI, parsed. Not ok when it
// is none, or has its scheme and host in other letters than usual.
func besidesPort(u *url.URL, raw string) (rest string, ok bool) {
	host := u.Hostname()
	if u.Scheme != "http" || !slices.Contains(loopbackHosts, host) {
		return "", false
	}
	rest, ok = strings.CutPrefix(raw, "http://"+u.Host)
	return host + rest, ok
}

// checkRedirectURI says what keeps a redirect URI from being registered. Without TLS it must be on the user's own machine
// (RFC 9700 section 2.6); a domain, which is oauth2server's way of registering, is not held to that. A scheme of a native
// application is the name of a domain in reverse order (RFC 8252 section 7.1): others belong to nobody, so that any
// application could have the codes, or to the system. What was registered before that was asked goes on being used.
func checkRedirectURI(raw string) error {
	u, err := parseRedirectURI(raw)
	if err != nil {
		return err
	}
	if u.Scheme == "http" && !IsLocalhost(u.Hostname()) {
		return errors.New("http is only allowed for localhost")
	}
	if u.Scheme != "http" && u.Scheme != "https" && !strings.Contains(u.Scheme, ".") {
		return fmt.Errorf("scheme %q is not a domain name in reverse order, such as com.example.app", u.Scheme)
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
