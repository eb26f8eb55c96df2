// Package registry owns everything that must survive a restart: clients, grants,
// authorization requests and codes, refresh tokens, sessions, revocations, sealed
// signing keys, and the
// record of who changed what. It keeps them in Postgres or in SQLite, through one
// implementation, and removes what nobody needs any more when it is told to.
//
// What must happen together happens in one method and one transaction:
// redeeming a code, rotating a refresh token, ending a grant with its
// revocation. Each such step is a compare-and-set in SQL, so that any number of
// replicas may race for it.
//
// The registry is the durable truth about revocations; it leaves to the denylist
// to tell the gateways. It never sees a secret: codes, refresh tokens and client
// secrets arrive hashed, signing keys sealed. Its callers decide how that is done,
// how long things live, and who may ask. Tests get their databases from
// registrytest.
package registry
