package user

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Proof is what a request brings to show who its user is. Each field may be empty. It must not be logged.
type Proof struct {
	// Token comes from the Authorization header, with the scheme Bearer or, as oauth2server allowed, without any.
	Token string
	// IssuedSince is what the token must not be older than, and SignedInSince how long ago its user may have signed in, as far as
	// the token says so ("iat", "auth_time"); zero: any time ago.
	IssuedSince, SignedInSince time.Time
	// Login and Password come from a form or from Basic authentication.
	Login    string
	Password string
	// Address is where the request comes from, as far as that is believed. It proves nothing.
	Address netip.Addr
}

// hasPassword holds for a proof that somebody typed.
func (p Proof) hasPassword() bool { return p.Login != "" || p.Password != "" }

// Authenticator is one way of finding out who the user is. Implementations are safe for concurrent use and bound on
// their own how long they block.
type Authenticator interface {
	// Authenticate returns the user's subject identifier. An error that is or wraps ErrNotApplicable leaves the decision to
	// the next authenticator. A *DeniedError says that the proof is wrong, ErrSuspended that it is right and the user may not
	// sign in, a *BrakedError that nobody looked at it, ErrUnavailable that this cannot be found out now.
	// Every other error is an internal one, whose text the caller does not see.
	Authenticate(ctx context.Context, proof Proof) (subject string, err error)
}

var (
	// ErrNotApplicable means that the proof is not of the kind that the authenticator looks at.
	ErrNotApplicable = errors.New("this kind of user authentication was not used")
	// ErrUnavailable is wrapped when it cannot be found out now whether the proof is right.
	ErrUnavailable = errors.New("user authentication is not available")
	// ErrSuspended means that the user is who they say, and that the operator has suspended or deleted the account.
	ErrSuspended = errors.New("the account has been suspended")
)

// DeniedError says that a proof is wrong.
type DeniedError struct {
	// Reason is shown to whoever sent the proof. It begins with a small letter and has no full stop.
	Reason string
}

// Error is the reason, for logs.
func (e *DeniedError) Error() string { return "the user could not be authenticated: " + e.Reason }

var errWrongPassword = &DeniedError{"login or password is wrong"}

// InOrder asks each authenticator in turn. The first to which the proof applies decides.
type InOrder []Authenticator

var _ Authenticator = InOrder(nil)

// Authenticate implements Authenticator. No proof applies when none applies to any of the authenticators.
func (all InOrder) Authenticate(ctx context.Context, proof Proof) (string, error) {
	for _, next := range all {
		subject, err := next.Authenticate(ctx, proof)
		if !errors.Is(err, ErrNotApplicable) {
			return subject, err
		}
	}
	return "", ErrNotApplicable
}
