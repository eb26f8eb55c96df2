package app

// sharedEndpoints are those of the authorization server that a browser application without a secret needs, with their
// methods. Its pages, on which users decide, and everything about administration are not for other origins.
var sharedEndpoints = map[string]string{
	"/oauth/token":                            "POST",
	"/oauth/revoke":                           "POST",
	"/oauth/introspect":                       "POST",
	"/oauth/token/introspect":                 "GET, HEAD",
	"/oauth/scopes":                           "GET, HEAD",
	"/.well-known/jwks.json":                  "GET, HEAD",
	"/.well-known/oauth-authorization-server": "GET, HEAD",
}
