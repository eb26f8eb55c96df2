// Package endpoint is what the endpoints of the authorization server share: how a request is read, strictly and within bounds, and
// how one that fails is answered.
//
// It owns the vocabulary of errors and its one mapping to HTTP (errors.go, failures.go; RFC 6749 section 5.2), forms and JSON
// bodies (parameters.go, json_body.go), the Authorization header, which methods a path has, and how long a request may take
// (routes.go). It leaves to the endpoints what a request means, and to browser what an error looks like on a page.
package endpoint
