// Package credential is how an upstream learns who the caller is: what a route's credential says of a verified token, and where the
// upstream looks for it.
//
// It owns the credentials that there are, their places (Authorization, another field, a parameter of the query) and that nothing
// which a caller sends in such a parameter passes, and what an lndhub.go means by refusing one.
//
// It leaves to others which callers get that far, which fields of callers pass (package header), and what a caller is told of an error.
package credential
