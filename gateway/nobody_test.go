package gateway

import (
	"context"

	"gatehouse/denylist"
	"gatehouse/keys"
)

// noVerifier and noDenylist are for tests of parts that ask neither.
type (
	noVerifier struct{}
	noDenylist struct{}
)

func (noVerifier) Verify([]byte) (*keys.Claims, error) { return nil, keys.ErrInvalidToken }

func (noVerifier) KeyWithdrawn(*keys.Claims) bool { return false }

func (noDenylist) Check(context.Context, denylist.Query) error { return denylist.ErrUnknown }
