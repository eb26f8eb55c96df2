// Package registration lets clients register themselves (RFC 7591), and manage what they have registered (RFC 7592).
//
// It owns the endpoints (handler.go, manage.go), who may use them and how often (admit.go), what a client may say about itself
// and what is registered of it (metadata.go, keys.go, links.go), and what it is answered (answer.go). It leaves to authz what a user is
// shown of such a client, and whether consent is asked again, and to registry how many there may be and how long they are kept.
package registration
