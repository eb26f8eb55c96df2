package authz

import (
	"net/http"
	"net/url"
	"strings"
)

// crossOrigin refuses the form of another site. Signing somebody's browser in under a name that is not theirs would
// connect their application with the account of whoever wrote that form. Programs, which send no Origin, and pages that
// prove the user with a token, which no form can send, are let through.
type crossOrigin struct{ protection *http.CrossOriginProtection }

// newCrossOrigin takes the server's own origin from its issuer: a proxy in front may have changed the Host.
func newCrossOrigin(issuer string) crossOrigin {
	own := http.NewCrossOriginProtection()
	if base, err := url.Parse(issuer); err == nil {
		_ = own.AddTrustedOrigin(base.Scheme + "://" + base.Host) // an issuer that is no origin was refused before
	}
	return crossOrigin{own}
}

func (o crossOrigin) check(r *http.Request) error {
	if hasToken(r) || o.protection.Check(r) == nil {
		return nil
	}
	return errForbidden.WithHint("A form of another site cannot sign a user in here.")
}

// hasToken holds for an Authorization header that a browser never sends by itself.
func hasToken(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return scheme != "" && !strings.EqualFold(scheme, "Basic")
}
