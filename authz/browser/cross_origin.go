package browser

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
)

// crossOrigin refuses the form of another site. Signing somebody's browser in under a name that is not theirs would
// connect their application with the account of whoever wrote that form. Programs, which send no Origin, and pages that
// prove the user with a token, which no form can send, are let through.
//
// A site that has pointed its own name at this server (DNS rebinding) gets our page under that name. So what counts is
// the name that the issuer says, and not that the request agrees with itself.
//
// An operator may trust the forms of other sites, such as the host application's: who runs those could sign a user in under
// any name that they have a password for.
type crossOrigin struct {
	origin  string
	host    string
	trusted []string
}

// newCrossOrigin takes the server's own origin from its issuer: a proxy in front may change the Host.
func newCrossOrigin(base *url.URL, trusted []string) crossOrigin {
	host := usualHost(base.Scheme, base.Host)
	return crossOrigin{origin: base.Scheme + "://" + host, host: host, trusted: slices.Clone(trusted)}
}

// ValidateTrustedOrigin says what is wrong with a Config's TrustedOrigins. It has to be spelled as browsers send it, and be https, or
// localhost: whoever is in between could put a form of their own into a page of a site without.
func ValidateTrustedOrigin(origin string) error {
	u, err := url.Parse(origin)
	switch {
	case err != nil || !client.IsWeb(u) || u.Hostname() == "" || strings.ContainsAny(u.Host, "*@, ") || strings.HasSuffix(u.Host, ":"),
		origin != u.Scheme+"://"+usualHost(u.Scheme, u.Host):
		return fmt.Errorf("%q is not of the form scheme://host[:port] that browsers send", origin)
	case u.Scheme != "https" && !client.IsLocalhost(u.Hostname()):
		return fmt.Errorf("%q must be https, or localhost: whoever is in between could sign its visitors in as somebody else", origin)
	}
	return nil
}

// CheckOrigin refuses a form that signs a user in, unless it is from here, from a site that the operator trusts, or from a program. The
// error is one that the caller may see.
func (p *Pages) CheckOrigin(r *http.Request) error { return p.origin.check(r, false) }

// check returns an error that the caller may see. isPage is true for what says that it comes from our page, for which nobody
// else is trusted.
func (o crossOrigin) check(r *http.Request, isPage bool) error {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	switch {
	case endpoint.HasToken(r):
		return nil
	case origin != "": // a browser sends it with every form
		if origin == o.origin || !isPage && slices.Contains(o.trusted, origin) {
			return nil
		}
	case site != "" && site != "same-origin" && site != "none":
	case site == "" && !isPage:
		return nil // a program
	default:
		scheme, _, _ := strings.Cut(o.origin, ":")
		if usualHost(scheme, r.Host) == o.host {
			return nil
		}
	}
	err := endpoint.ErrForbidden.WithHintf("A form of another site cannot sign a user in here. This server's own page is at %s.", o.origin)
	return endpoint.Told(err, "failure.foreign_form", "origin", o.origin)
}

// usualHost is a host and port as a browser writes them in an Origin.
func usualHost(scheme, host string) string {
	host = strings.ToLower(host)
	switch scheme {
	case "https":
		return strings.TrimSuffix(host, ":443")
	default:
		return strings.TrimSuffix(host, ":80")
	}
}
