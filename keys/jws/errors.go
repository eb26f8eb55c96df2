package jws

import "errors"

// What Parse and ParseKey return. None holds anything of what was read.
var (
	ErrMalformed = errors.New("it is not a compact JWS of two JSON objects")
	// ErrHeader says that the header has what changes the meaning of a signature.
	ErrHeader    = errors.New("its header has critical extensions")
	ErrAlgorithm = errors.New("its algorithm is not one of those that are supported")
	ErrKey       = errors.New("it is not a public key that is supported")
)
