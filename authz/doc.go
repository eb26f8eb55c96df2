// Package authz is the authorization server: who the user is, which client asks, what was consented to, and the tokens
// that follow from it (RFC 6749, 6750, 7009, 7636, 7662, 8414, 9068, 9207, 9700).
//
// Fosite parses requests, dispatches them to grant handlers and names the errors. What makes a grant handler safe under
// races (a code is spent once, a refresh token has one successor) is one registry transaction, so these handlers are
// ours: grant_code.go, grant_refresh.go, grant_client.go.
//
// Around the endpoints: Operator is what an administrator can do, for the admin API and the command line alike; Keyring
// rotates the signing keys, Relay delivers revocations, Purger removes what has expired. Each of these may run in every
// replica at once: they agree through the registry and have no leader.
//
// The package leaves to others what is durable (registry), how tokens are signed and verified (keys), how gateways learn
// of a revocation (denylist), what a token may be used for (gateway), and listeners, limits and logging of requests (app).
// Handlers never keep a request or its context: under Fiber's adaptor both are reused once the handler returns.
package authz
