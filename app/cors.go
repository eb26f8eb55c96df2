package app

import (
	"maps"

	"gatehouse/authz"
)

// sharedEndpoints are those of the authorization server that a browser application without a secret needs, with their
// methods.
var sharedEndpoints = map[string]string{
	"/oauth/par":              "POST",
	"/oauth/token":            "POST",
	"/oauth/revoke":           "POST",
	"/oauth/introspect":       "POST",
	"/oauth/budget":           "GET, HEAD",
	"/oauth/token/introspect": "GET, HEAD",
	"/oauth/scopes":           "GET, HEAD",
	"/oauth/register":         "POST",
	"/.well-known/jwks.json":  "GET, HEAD",
}

// endpointsWithCORS are those that are shared with other origins. The pages, on which users decide, and everything about
// administration are not.
func endpointsWithCORS(issuer string) map[string]string {
	endpoints := maps.Clone(sharedEndpoints)
	for _, path := range authz.MetadataPaths(issuer) {
		endpoints[path] = "GET, HEAD"
	}
	return endpoints
}
