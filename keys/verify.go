package keys

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// Verifier checks access tokens on its own: signature, type, issuer, audience and times. It asks nobody whether the
// token was revoked. A Verifier is safe for concurrent use as long as its fields are not changed, and is not copied.
type Verifier struct {
	Issuer   string
	Audience string
	// OtherAudiences are accepted like Audience. AnyAudience accepts whatever the issuer has signed; it is for the issuer alone.
	OtherAudiences []string
	AnyAudience    bool
	Keys           PublicKeys
	// Leeway is how far ahead of this machine the issuer's clock may be. It never lengthens a token's life.
	Leeway time.Duration
	// Now is time.Now when nil.
	Now func() time.Time

	headers           headers
	scopes, audiences shared
}

// verified is a token whose signature and claims are good, at any time within its life.
type verified struct {
	claims    Claims
	notBefore int64 // in seconds since the epoch, 0 when the token does not say
	key       thumbprint
}

// scratch has room for the decoded parts of the usual token; larger ones are allocated.
type scratch struct {
	signature [rsaBits / 8]byte
	payload   [1024]byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// Verify returns the claims of a token in canonical compact form (RFC 7515 section 7.1, RFC 9068 section 4). Every
// other spelling of a good token is refused like a forged one. The token is not kept. An error is ErrKeysUnavailable or
// wraps ErrInvalidToken; none holds the token.
func (v *Verifier) Verify(token []byte) (*Claims, error) {
	parts, err := split(token)
	if err != nil {
		return nil, err
	}
	found, err := v.verify(parts)
	if err != nil {
		return nil, err
	}
	if err := v.checkTimes(found); err != nil {
		return nil, err
	}
	return &found.claims, nil
}

// KeyWithdrawn reports whether the key that verified these claims is no longer valid, so that their token is refused now.
// It is false while that cannot be told (ErrKeysUnavailable). It answers from memory.
func (v *Verifier) KeyWithdrawn(c *Claims) bool {
	_, err := v.Keys.PublicKey(c.KeyID)
	return errors.Is(err, ErrUnknownKey)
}

// verify checks everything but the times.
func (v *Verifier) verify(parts compact) (*verified, error) {
	header, known, err := v.headers.parse(parts.header)
	if err != nil {
		return nil, err
	}
	key, err := v.Keys.PublicKey(header.KeyID)
	if errors.Is(err, ErrUnknownKey) {
		return nil, &UnknownKeyError{header.KeyID}
	}
	if err != nil {
		return nil, err
	}
	if key.Algorithm != header.Algorithm {
		return nil, ErrHeader
	}
	decoded := scratches.Get().(*scratch)
	defer scratches.Put(decoded)
	signature, err := decode(decoded.signature[:], parts.signature)
	if err != nil {
		return nil, err
	}
	body, err := decode(decoded.payload[:], parts.payload)
	if err != nil {
		return nil, err
	}
	if !key.signatures.verify(parts.signingInput, signature) {
		return nil, ErrSignature
	}
	if !known {
		v.headers.remember(parts.header, header)
	}
	return v.read(body, &key)
}

// read takes the claims from the payload of a token that key has signed.
func (v *Verifier) read(body []byte, key *PublicKey) (*verified, error) {
	p, err := parsePayload(body, v.Issuer, v.Audience)
	switch {
	case err != nil:
		return nil, err
	case !p.complete():
		return nil, ErrMissingClaim
	case p.Issuer != v.Issuer:
		return nil, ErrIssuer
	case !v.accepts(p.Audience):
		return nil, ErrAudience
	}
	return &verified{claims: v.claims(&p, key.ID), notBefore: p.NotBefore.seconds, key: key.thumbprint}, nil
}

// accepts holds for a token that is for one of those whom the verifier speaks for. Which of them it is for, the claims say.
func (v *Verifier) accepts(audience []string) bool {
	if v.AnyAudience || slices.Contains(audience, v.Audience) {
		return true
	}
	return slices.ContainsFunc(audience, func(one string) bool { return slices.Contains(v.OtherAudiences, one) })
}

func (v *Verifier) checkTimes(found *verified) error {
	now := v.now()
	switch latest := now.Add(v.Leeway); {
	case !now.Before(found.claims.ExpiresAt):
		return ErrExpired
	case found.claims.IssuedAt.After(latest), time.Unix(found.notBefore, 0).After(latest):
		return ErrNotYetValid
	}
	return nil
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}
