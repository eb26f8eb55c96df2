package dpop

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"gatehouse/keys/jws"
	"gatehouse/keys/strictjson"
)

// What Verifier takes where a field is 0.
const (
	DefaultMaxAge = time.Minute
	DefaultAhead  = 5 * time.Second
)

// Verifier checks proofs. It asks nobody whether a proof was used before. It is safe for concurrent use as long as its fields
// are not changed.
type Verifier struct {
	// MaxAge is how long ago a proof may have been made, by the client's clock; DefaultMaxAge when 0.
	MaxAge time.Duration
	// Ahead is how far in the future it may have been made: how far the client's clock may be ahead of this one. DefaultAhead
	// when 0.
	Ahead time.Duration
	// Nonces are needed where a Request asks for one.
	Nonces *Nonces
	// Now is time.Now when nil.
	Now func() time.Time
}

// Request is what a proof has to be for.
type Request struct {
	Method string
	// URI is the absolute one that the client has asked for, as it sees it. Query and fragment do not count.
	URI string
	// Also are other URIs of the same request, where it has several.
	Also []string
	// AccessToken is the one that the request shows; "" when it shows none, as at the token endpoint.
	AccessToken string
	// Thumbprint is that of the key that the access token, or the refresh token, is bound to (cnf.jkt); "" accepts any key.
	Thumbprint string
	// Holder is who sends the request: the user, or the client where there is none. A Checker counts their proofs together.
	Holder string
	// NonceRequired asks for a nonce of Nonces. Where it does not, whatever nonce a proof has is passed over.
	NonceRequired bool
}

// Proof is a proof that was verified.
type Proof struct {
	// Thumbprint is the RFC 7638 SHA-256 thumbprint of its key: the jkt of a token that is bound to it.
	Thumbprint string
	// ID is its jti: at most MaxID bytes, which the client chose. With the thumbprint it tells one proof from others.
	ID string
	// Until is when it will no longer be accepted, by this clock: for so long it has to be remembered. That is at most MaxAge
	// and Ahead from now.
	Until time.Time
}

// Verify holds a proof to every check of RFC 9449 section 4.3 but that the request has only one. An error is or wraps
// ErrInvalidProof, ErrUseNonce or ErrNonceUnavailable. It does not block; the signature is looked at last.
func (v *Verifier) Verify(proof string, r Request) (Proof, error) {
	p, err := parse(proof)
	if err != nil {
		return Proof{}, err
	}
	if r.Thumbprint != "" && r.Thumbprint != p.key.Thumbprint {
		return Proof{}, ErrOtherKey
	}
	if err := isFor(p.Claims, r); err != nil {
		return Proof{}, err
	}
	until, err := v.checkTimes(p.Claims)
	if err != nil {
		return Proof{}, err
	}
	id, err := p.Claims.Text("jti")
	if err != nil || id == "" || len(id) > MaxID {
		return Proof{}, ErrClaims
	}
	if r.NonceRequired {
		if err := v.checkNonce(p.Claims); err != nil {
			return Proof{}, err
		}
	}
	if !p.SignedBy(p.key) {
		return Proof{}, ErrSignature
	}
	return Proof{Thumbprint: p.key.Thumbprint, ID: id, Until: until}, nil
}

func isFor(claims strictjson.Object, r Request) error {
	method, err := claims.Text("htm")
	if err != nil || method == "" {
		return ErrClaims
	}
	uri, err := claims.Text("htu")
	switch {
	case err != nil || uri == "":
		return ErrClaims
	case method != r.Method:
		return ErrMethod
	case !sameURI(uri, r.URI) && !slices.ContainsFunc(r.Also, func(also string) bool { return sameURI(uri, also) }):
		return ErrURI
	case r.AccessToken == "":
		return nil
	}
	hash, err := claims.Text("ath")
	if err != nil || hash == "" {
		return ErrClaims
	}
	sum := sha256.Sum256([]byte(r.AccessToken))
	if hash != base64.RawURLEncoding.EncodeToString(sum[:]) {
		return ErrAccessToken
	}
	return nil
}

// checkTimes returns when the proof will be too old. exp and nbf, which a proof need not have, hold where it has them.
func (v *Verifier) checkTimes(claims strictjson.Object) (until time.Time, err error) {
	made, ok := jws.Date(claims, "iat")
	if !ok {
		return time.Time{}, ErrClaims
	}
	now := timeFrom(v.Now)
	until = made.Add(orElse(v.MaxAge, DefaultMaxAge))
	if claims.Has("exp") {
		expires, ok := jws.Date(claims, "exp")
		if !ok {
			return time.Time{}, ErrClaims
		}
		if expires.Before(until) {
			until = expires
		}
	}
	begins := made
	if claims.Has("nbf") {
		notBefore, ok := jws.Date(claims, "nbf")
		if !ok {
			return time.Time{}, ErrClaims
		}
		if notBefore.After(begins) {
			begins = notBefore
		}
	}
	switch {
	case !now.Before(until):
		return time.Time{}, ErrTooOld
	case begins.After(now.Add(orElse(v.Ahead, DefaultAhead))):
		return time.Time{}, ErrNotYet
	}
	return until, nil
}

func (v *Verifier) checkNonce(claims strictjson.Object) error {
	nonce, err := claims.Text("nonce")
	if err != nil {
		return ErrClaims
	}
	if v.Nonces == nil {
		return ErrNonceUnavailable
	}
	return v.Nonces.check(nonce)
}

func orElse(d, usual time.Duration) time.Duration {
	if d == 0 {
		return usual
	}
	return d
}
