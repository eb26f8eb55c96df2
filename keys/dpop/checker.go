package dpop

import (
	"context"
	"errors"
	"time"

	"gatehouse/keys/jws"
)

// Uses notes which proofs were used. Implementations are safe for concurrent use, and answer or give up within a fixed bound.
type Uses interface {
	// UseProof reports whether the proof is used for the first time, wherever else it may have been used, and notes it until it
	// is no longer accepted. holder is whose proofs are counted together. The error says that this cannot be told.
	UseProof(ctx context.Context, holder, thumbprint, jti string, until time.Time) (first bool, err error)
}

// Checker is what an endpoint holds proofs to: they are good, and used once. It is safe for concurrent use as long as its fields
// are not changed.
type Checker struct {
	Verifier Verifier
	Uses     Uses
	// NonceRequired asks each proof for a nonce of Verifier.Nonces.
	NonceRequired bool
}

// Check verifies a proof and uses it up. It blocks as long as Uses does, which is asked last: what is not good costs nobody else
// anything. An error is or wraps ErrInvalidProof, ErrUseNonce, ErrNonceUnavailable or ErrUsesUnknown.
func (c *Checker) Check(ctx context.Context, proof string, r Request) (Proof, error) {
	r.NonceRequired = r.NonceRequired || c.NonceRequired
	verified, err := c.Verifier.Verify(proof, r)
	if err != nil {
		return Proof{}, err
	}
	switch first, err := c.Uses.UseProof(ctx, r.Holder, verified.Thumbprint, verified.ID, verified.Until); {
	case err != nil:
		return Proof{}, errors.Join(ErrUsesUnknown, err)
	case !first:
		return Proof{}, ErrUsed
	}
	return verified, nil
}

// CheckNonce is ErrUseNonce, or ErrNonceUnavailable, for a proof that Check would refuse for its nonce, if for nothing else. It looks at nothing but
// the nonce, and uses nothing up: so a client can be told before anything else of its request is used up.
func (c *Checker) CheckNonce(proof string) error {
	if !c.NonceRequired {
		return nil
	}
	m, err := jws.Parse(proof, MaxSize)
	if err != nil {
		return nil // Check says what is wrong
	}
	if err := c.Verifier.checkNonce(m.Claims); !errors.Is(err, ErrInvalidProof) {
		return err
	}
	return nil
}

// Nonce is what an answer's DPoP-Nonce says; "" where proofs need none, or the secret is not known.
func (c *Checker) Nonce() string {
	if !c.NonceRequired || c.Verifier.Nonces == nil {
		return ""
	}
	nonce, _ := c.Verifier.Nonces.Current()
	return nonce
}
