// Package authz is the authorization server: its endpoints, its grants and its pages, and the tokens that follow from what was
// consented to (RFC 6749, 6750, 7009, 7636, 7662, 8414, 9068, 9207, 9700). Its HTTP API is also that of getAlby's oauth2server
// (https://github.com/getAlby/oauth2server), whose clients and data keep working.
//
// Fosite dispatches grants and builds the JWT: fosite.go holds all that it is given and says what it decides. What makes a
// grant handler safe under races (a code is spent once, a refresh token has one successor) is one registry transaction, so
// these handlers are ours: grant_code.go, grant_refresh.go, grant_client.go.
//
// It leaves to its inner packages how requests are read and errors answered (internal/endpoint), who sits at a browser that is on
// our pages (browser), how users sign in (signin), what they see and change of what they have allowed (account), what an administrator
// can do (admin), who the user is (user), what a person sees (page), what a client may be (client), which key signs (keyring), and how revocations get to the
// denylist and what has expired out of the registry (outbox); none of them imports this package. It leaves to others what is durable
// (registry), how tokens are signed and verified (keys), how gateways learn of a revocation (denylist), what a token may be used for
// (gateway), and listeners, limits and logging of requests (app).
//
// Handlers never keep a request or its context: under the adaptor to fasthttp both are reused once the handler returns.
package authz
