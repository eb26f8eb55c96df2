package gateway

import (
	"errors"

	"gatehouse/denylist"
	"gatehouse/keys"
)

// aKeyWasRevoked asks whether any key was revoked lately.
var aKeyWasRevoked = denylist.Query{KeyID: denylist.AnyKey}

// tokenRefused is the answer to a token that does not verify. A key that is not known here is one that nobody has, because a
// key is published long before it signs; but not after one was revoked, when another signs at once. Until everyone can have
// read the JWKS the token may be good: 503, as clients throw their refresh token away on 401.
func (g *Gateway) tokenRefused(reason error) *refusal {
	if errors.Is(reason, keys.ErrUnknownKey) && g.denylist.Check(g.running, aKeyWasRevoked) != nil {
		return errKeysUnavailable
	}
	return tokenRefused(reason)
}
