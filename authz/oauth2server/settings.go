package oauth2server

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gatehouse/authz/client"
)

// hostAndPort is a domain without a scheme, such as localhost:8080: a URL parser takes the host for the scheme.
var hostAndPort = regexp.MustCompile(`^[A-Za-z0-9.-]+:[0-9]+(/|$)`)

// Settings are what the client is registered with here. notes say what will be different for it, or for its users. The error,
// of client.Settings.CheckImported, says why it cannot be taken; the settings are then as near to it as they can be.
func (c Client) Settings() (_ client.Settings, notes []string, err error) {
	s := client.Settings{
		ID: c.ID, Secret: c.Secret, Name: c.Name, URL: c.URL, ImageURL: c.ImageURL, Public: c.Secret == "",
	}
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if s.Name == "" {
		s.Name = c.ID
		note("it has no name; its id is shown")
	} else if shown := strings.TrimSpace(client.Visible(s.Name)); shown != s.Name && shown != "" {
		s.Name = shown
		note("its name has lost characters that cannot be seen")
	}
	if client.ShownName(s.Name, c.ID) != s.Name && strings.TrimSpace(s.Name) != "" {
		note("its name %q could be taken for another one; its id is shown", s.Name)
		s.Name = c.ID
	}
	for _, link := range []struct {
		what  string
		value *string
	}{{"url", &s.URL}, {"imageUrl", &s.ImageURL}} {
		if err := client.CheckLink(*link.value); err != nil {
			note("its %s %q is left out: %v", link.what, *link.value, err)
			*link.value = ""
		}
	}
	if c.keepsDomain() {
		s.Domain = c.origin()
		return s, notes, s.CheckImported()
	}
	if c.isWeb() || c.Domain == "" || hostAndPort.MatchString(c.Domain) {
		s.Domain = c.Domain // which is refused, and the error says why
		if s.Domain == "" {
			s.RedirectURIs = nil
		}
		return s, notes, s.CheckImported()
	}
	s.RedirectURIs = []string{c.Domain}
	for _, uri := range c.Redirects {
		if !slices.Contains(s.RedirectURIs, uri) && len(s.RedirectURIs) < maxRedirects {
			s.RedirectURIs = append(s.RedirectURIs, uri)
		}
	}
	note("its domain %s is no web address: it can use exactly the redirect URIs %s", c.Domain, strings.Join(s.RedirectURIs, " "))
	return s, notes, s.CheckImported()
}

// parsed is the domain as oauth2server reads it.
func (c Client) parsed() *url.URL {
	u, err := url.Parse(c.Domain)
	if err != nil {
		return &url.URL{}
	}
	return u
}

func (c Client) isWeb() bool { return c.parsed().Scheme == "https" || c.parsed().Scheme == "http" }

// origin is what of the domain oauth2server compares.
func (c Client) origin() string { return c.parsed().Scheme + "://" + c.parsed().Host }

// keepsDomain holds for a domain that means here what it means there.
func (c Client) keepsDomain() bool { return c.isWeb() && client.CheckDomain(c.origin()) == nil }

// admits reports whether oauth2server sends codes of the client to the URI: it compares the scheme and, label by label, the
// host.
func (c Client) admits(redirect string) bool {
	want, have := c.parsed(), &url.URL{}
	if u, err := url.Parse(redirect); err == nil {
		have = u
	} else {
		return false
	}
	wanted, given := strings.Split(want.Host, "."), strings.Split(have.Host, ".")
	return want.Scheme == have.Scheme && slices.EqualFunc(wanted, given, func(w, g string) bool { return w == "*" || w == g })
}
