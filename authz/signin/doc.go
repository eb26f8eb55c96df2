// Package signin is how users sign in: by login and password (page.go), or at the host application (host.go), as freshly as the
// application that sent them asks (prompt.go), and what the page says when that fails (notice.go). users.go finds out who sent a
// request that is no browser's.
//
// It leaves to package user whom a proof names, to package browser what a browser holds, and to authz what an authorization request is.
package signin
