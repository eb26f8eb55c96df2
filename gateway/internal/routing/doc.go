// Package routing says which route a request has, by its method and its target. It owns the one reading of a path, the
// templates of the configuration, which of several wins, and how gorilla/mux, which read targets.json for oauth2server, would
// have decided.
//
// It leaves to others what a route is.
package routing
