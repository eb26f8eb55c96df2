package assertion

import (
	"errors"
	"fmt"
)

// ErrInvalid is what each reason for which an assertion is refused wraps. None holds anything of the assertion.
var ErrInvalid = errors.New("invalid client assertion")

// Reasons that depend on the assertion alone.
var (
	ErrMalformed = refusal("it is not a compact JWS of two JSON objects")
	ErrHeader    = refusal("its header is not that of a client assertion")
	ErrAlgorithm = refusal("its algorithm is not one of those that are supported")
	ErrClaims    = refusal("a claim is missing, or not of its type")
	ErrSubject   = refusal("its iss and its sub are not the same client_id")
	ErrAudience  = refusal("its aud is not the issuer of this server")
	ErrExpired   = refusal("it has expired, or was made too long ago")
	ErrTooLong   = refusal("its exp is too far ahead")
	ErrNotYet    = refusal("it was made in the future")
)

// Reasons that depend on the client.
var (
	// ErrNoKey says that the client has no key, or no single one, that the assertion could be signed with.
	ErrNoKey     = refusal("it names no key of the client")
	ErrSignature = refusal("its signature is wrong")
	ErrUsed      = refusal("it was used before")
)

// ErrUsesUnknown says nothing about the assertion: it cannot be told whether it was used before.
var ErrUsesUnknown = errors.New("it is not known whether the client assertion was used")

func refusal(reason string) error { return fmt.Errorf("%w: %s", ErrInvalid, reason) }
