package account

import (
	"net/http"

	"gatehouse/authz/client"
	"gatehouse/registry"
)

// domainOf is where the user knows the client from: where its last answer went, or where it describes itself.
func domainOf(c registry.Connection) string {
	if host := client.HostOf(c.ClientID); c.Fingerprint != "" && host != "" {
		return host
	}
	return client.HostOf(c.RedirectURI)
}

// clientIDOf is the client that a path is about. An ID that is a URL has slashes, which do not pass in the path of every proxy, and
// not in ours: then "-" stands there, and the ID in the query.
func clientIDOf(r *http.Request) string {
	id := r.PathValue("clientId")
	if asked := r.URL.Query().Get("client_id"); id == "-" && asked != "" {
		return asked
	}
	return id
}
