// Package registry keeps everything that must survive a restart: clients,
// grants, authorization codes, refresh tokens, revocations and sealed signing
// keys, and the record of who changed what; in Postgres or in SQLite, through one
// implementation. Told to, it removes what nobody needs any more.
//
// What must happen together happens in one method and one transaction:
// redeeming a code, rotating a refresh token, ending a grant with its
// revocation. Each such step is a compare-and-set in SQL, so that any number of
// replicas may race for it.
//
// The registry is the durable truth about revocations; telling the replicas is
// the denylist's part. It never sees a secret: codes and refresh tokens arrive
// as hashes, client secrets hashed, signing keys sealed. What those hashes are
// made of, how long things live, and who may ask are decided by the callers.
package registry
