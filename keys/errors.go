package keys

import (
	"errors"
	"fmt"
)

// ErrInvalidToken is wrapped by every refusal of Verifier.Verify. The more precise errors below say which check failed;
// they are for logs and metrics, callers of an API are told only that the token is invalid.
var ErrInvalidToken = errors.New("invalid token")

// Reasons for which a token is refused. Each wraps ErrInvalidToken.
var (
	ErrMalformed    = refusal("not a canonical compact JWS")
	ErrHeader       = refusal("header is not that of an access token")
	ErrUnknownKey   = refusal("unknown key")
	ErrSignature    = refusal("wrong signature")
	ErrMissingClaim = refusal("a required claim is missing")
	ErrIssuer       = refusal("wrong issuer")
	ErrAudience     = refusal("wrong audience")
	ErrExpired      = refusal("expired")
	ErrNotYetValid  = refusal("issued in the future")
)

// UnknownKeyError is an ErrUnknownKey of a token, with the key that it names. Nothing of the token was verified.
type UnknownKeyError struct{ KeyID string }

// Error does not quote the token.
func (*UnknownKeyError) Error() string { return ErrUnknownKey.Error() }

// Unwrap returns ErrUnknownKey.
func (*UnknownKeyError) Unwrap() error { return ErrUnknownKey }

// ErrKeysUnavailable is returned by Verify when no key is known at all: nothing can be said about the token, and its
// bearer must not be told that it is invalid.
var ErrKeysUnavailable = errors.New("no verification keys have been read yet")

// ErrUnsupportedAlgorithm is returned for a signature algorithm other than ES256, RS256 and EdDSA.
var ErrUnsupportedAlgorithm = errors.New("unsupported signature algorithm: want ES256, RS256 or EdDSA")

// ErrSealed is returned by Open when the secret is not the one the key was sealed with, or the sealed text was altered.
var ErrSealed = errors.New("it is sealed with another secret, or was altered")

// ErrMisplaced is wrapped by what Open returns for a key that is stored under the name of another.
var ErrMisplaced = errors.New("another key is stored under this name")

func refusal(reason string) error {
	return fmt.Errorf("%w: %s", ErrInvalidToken, reason)
}
