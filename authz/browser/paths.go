package browser

import "net/url"

// The addresses to which one room leads a browser, and another answers.
const (
	SignInPage  = "/account/sign-in"
	SignOutPath = "/account/sign-out"
	AccountPath = "/account/applications"
	// RequestField names the authorization request that signing in is for, in the query of SignInPage and in forms.
	RequestField = "request"
)

// SignInPath is the page that signs a user in for an authorization request; for none when that is empty.
func SignInPath(requestID string) string {
	if requestID == "" {
		return SignInPage
	}
	return SignInPage + "?" + url.Values{RequestField: {requestID}}.Encode()
}

// RequestPath is the page of an authorization request.
func RequestPath(id string) string { return "/oauth/authorize/" + url.PathEscape(id) }
