package dpop

import (
	"errors"
	"fmt"
)

// What Verify and Check return. Each error is or wraps one of these; none holds anything of the proof.
var (
	// ErrInvalidProof is the error invalid_dpop_proof (RFC 9449 section 5 and 7.1).
	ErrInvalidProof = errors.New("invalid DPoP proof")
	// ErrUseNonce is the error use_dpop_nonce (RFC 9449 section 8 and 9): the client is to try again with the nonce that the
	// answer holds.
	ErrUseNonce = errors.New("DPoP proof lacks a nonce of now")
	// ErrNonceUnavailable says nothing about the proof: a nonce is asked for, and the secret that nonces are made with is not
	// known.
	ErrNonceUnavailable = errors.New("the secret of DPoP nonces is not known")
	// ErrUsesUnknown says nothing about the proof either: it cannot be told whether it was used before.
	ErrUsesUnknown = errors.New("it is not known whether the DPoP proof was used")
)

// Reasons for which a proof is invalid. Each wraps ErrInvalidProof.
var (
	ErrMalformed   = refusal("it is not a compact JWS of two JSON objects")
	ErrHeader      = refusal("its header is not that of a proof")
	ErrAlgorithm   = refusal("its algorithm is not one of those that are supported, or not that of its key")
	ErrKey         = refusal("its key is not a public key that is supported")
	ErrOtherKey    = refusal("its key is not the one that the token is bound to")
	ErrSignature   = refusal("its signature is wrong")
	ErrClaims      = refusal("a claim is missing, or not of its type")
	ErrMethod      = refusal("it is for another method")
	ErrURI         = refusal("it is for another URI")
	ErrAccessToken = refusal("it is for another access token")
	ErrTooOld      = refusal("it was made too long ago")
	ErrNotYet      = refusal("it was made in the future")
	ErrUsed        = refusal("it was used before")
)

func refusal(reason string) error { return fmt.Errorf("%w: %s", ErrInvalidProof, reason) }
