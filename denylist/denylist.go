package denylist

import (
	"context"
	"errors"
	"time"
)

// Kind says what an entry revokes.
type Kind string

// The kinds of entries. A token is denied when any of its names has an entry.
const (
	Token  Kind = "token"  // one access token, by its jti
	Grant  Kind = "grant"  // every access token of one user's consent to one client
	Client Kind = "client" // every access token of one client
	Key    Kind = "key"    // every access token that one key has signed, by its kid
)

// AnyKey is the ID of an entry of kind Key that says no more than that some key was revoked lately: another one signs, which
// gateways may not know yet.
const AnyKey = "*"

// Entry revokes one thing. It is absolute: there is no way to take an entry back, it only ends.
type Entry struct {
	Kind Kind
	ID   string
	// ExpiresAt is when the last access token that the entry concerns has expired. Entries are kept a little longer, for
	// gateways whose clock is behind.
	ExpiresAt time.Time
}

// Query names a verified access token by what it can be revoked through.
type Query struct {
	TokenID string
	// GrantID is empty for a token without a grant (client_credentials).
	GrantID  string
	ClientID string
	// KeyID is the kid of the key that has signed it; empty where nobody asks for that.
	KeyID string
}

var (
	// ErrRevoked is returned by Check for a token that must be refused.
	ErrRevoked = errors.New("token was revoked")
	// ErrUnknown is wrapped by what Check returns when it cannot tell: the denylist cannot be reached, does not answer in
	// time, or has lost its contents and not been reloaded yet.
	ErrUnknown = errors.New("revocation state is unknown")
	// ErrReloadLost is returned by Store.Reload when Redis lost data, or another reload began, while it ran. Nothing was
	// declared complete; reload again.
	ErrReloadLost = errors.New("reload of the denylist was overtaken")
)

// Checker tells whether a token was revoked: nil means that it is known not to be. Implementations are safe for concurrent
// use, and answer or give up within a fixed bound (WithTimeout) even when ctx has no deadline.
type Checker interface {
	Check(ctx context.Context, q Query) error
}
