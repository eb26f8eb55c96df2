package assertion

import (
	"context"
	"errors"
	"time"

	"gatehouse/keys/jws"
)

// Uses notes which assertions were used. Implementations are safe for concurrent use, and answer or give up within a fixed bound.
type Uses interface {
	// UseAssertion reports whether a client uses an assertion for the first time, wherever else it may have used it, and notes it until
	// it is no longer accepted. The id is that of Assertion. strangerAt is where the client calls from if no operator has registered it, so
	// that strangers take no room of others; else it is empty. The error says that this cannot be told.
	UseAssertion(ctx context.Context, clientID, strangerAt, id string, until time.Time) (first bool, err error)
}

// Checker is what assertions are held to. It is safe for concurrent use as long as its fields are not changed.
type Checker struct {
	Uses Uses
	// Leeway is by how much the client's clock may be ahead of this one.
	Leeway time.Duration
	// Now is time.Now when nil.
	Now func() time.Time
}

func (c *Checker) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// Algorithm is the one that the assertion says that it is signed with.
func (a Assertion) Algorithm() string { return a.message.Algorithm }

// Verify holds an assertion to the keys of its client. It looks at one signature at most, and does not block. The error is ErrNoKey or
// ErrSignature.
func (a Assertion) Verify(keys []jws.Key) error {
	key, ok := a.signer(keys)
	switch {
	case !ok:
		return ErrNoKey
	case !a.message.SignedBy(key):
		return ErrSignature
	}
	return nil
}

// signer is the one key that the assertion can be signed with. Where a client has several, the assertion says which (OpenID Connect Core
// section 10.1): nobody makes us try them all.
func (a Assertion) signer(keys []jws.Key) (key jws.Key, ok bool) {
	for _, candidate := range keys {
		if a.keyID != "" && candidate.ID != a.keyID || !candidate.Fits(a.message.Algorithm) {
			continue
		}
		if ok {
			return jws.Key{}, false
		}
		key, ok = candidate, true
	}
	return key, ok
}

// Use uses up an assertion that was verified; strangerAt is as that of Uses. It blocks as long as Uses does. The error is ErrUsed, or wraps
// ErrUsesUnknown.
func (c *Checker) Use(ctx context.Context, a Assertion, strangerAt string) error {
	switch first, err := c.Uses.UseAssertion(ctx, a.ClientID, strangerAt, a.ID, a.Until); {
	case err != nil:
		return errors.Join(ErrUsesUnknown, err)
	case !first:
		return ErrUsed
	}
	return nil
}
