package registry

import "errors"

// The outcomes that callers tell apart with errors.Is. Every other error is the
// database's or the context's, and says nothing about the thing asked for.
var (
	// ErrNotFound: there is no such thing, or the client was deleted. To Authorize a disabled client does not exist either.
	ErrNotFound = errors.New("registry: not found")
	// ErrExists: the identifier is taken, perhaps by a deleted client.
	ErrExists = errors.New("registry: exists already")
	// ErrExpired: the code, refresh token or authorization request is past its expiry.
	ErrExpired = errors.New("registry: expired")
	// ErrGrantEnded: the grant has ended, and nothing may be minted under it.
	ErrGrantEnded = errors.New("registry: grant has ended")
	// ErrNoRoom: something that is good for something, such as a grant, would have to end for another one.
	ErrNoRoom = errors.New("registry: there are as many as there may be")
	// ErrCodeUsed: the code was redeemed before. Its grant has ended.
	ErrCodeUsed = errors.New("registry: code was used before")
	// ErrRefreshReused: the refresh token was rotated before. Its grant has ended.
	ErrRefreshReused = errors.New("registry: refresh token was used before")
	// ErrRequestUsed: the authorization request was decided before; one that was sent ahead has begun in another browser.
	ErrRequestUsed = errors.New("registry: authorization request was used before")
	// ErrBudgetChanged: the budget is not the one any more that was looked at for the decision.
	ErrBudgetChanged = errors.New("registry: the budget has changed since")
	// ErrSettled: the spend has another final state already.
	ErrSettled = errors.New("registry: spend is settled otherwise")
	// ErrLastKey: no signing key would be left.
	ErrLastKey = errors.New("registry: the last signing key stays")
	// ErrNewerSchema: the database was migrated by a later program than this one.
	ErrNewerSchema = errors.New("registry: the database's schema is newer than this program")
	// ErrSchemaOutdated: the database has to be migrated first.
	ErrSchemaOutdated = errors.New("registry: the database has to be migrated")
	// ErrTwoInstallations: two schemas have the tables, and the URL does not say which are meant.
	ErrTwoInstallations = errors.New("registry: the tables are in two schemas of the database")
	// ErrNameTaken: something that is not this program's has the name of a table to be made.
	ErrNameTaken = errors.New("registry: another program's table is in the way")
	// ErrNotAllowed: the role may not make the schema or the tables, or there is no schema to make them in.
	ErrNotAllowed = errors.New("registry: the role cannot make the tables")
	// ErrPooler: what answers is not Postgres itself, but a pooler that keeps the settings
	// of a connection from being in effect.
	ErrPooler = errors.New("registry: a pooler such as PgBouncer is between this process and Postgres, and cannot be used")
	// ErrInvalid: an argument is refused before the database is asked: a string has a
	// NUL byte or is not UTF-8, an identifier or time is missing or out of range.
	ErrInvalid = errors.New("registry: invalid argument")
)
