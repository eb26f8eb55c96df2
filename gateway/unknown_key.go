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
// read the JWKS the token may be good: 503, as clients throw their refresh token away on 401. Of the key that was revoked it
// is not good, and its client is to refresh.
func (g *Gateway) tokenRefused(reason error) *refusal {
	var unknown *keys.UnknownKeyError
	if !errors.As(reason, &unknown) || g.denylist.Check(g.running, aKeyWasRevoked) == nil {
		return tokenRefused(reason)
	}
	ofRevokedKey := denylist.Query{KeyID: unknown.KeyID}
	if errors.Is(g.denylist.Check(g.running, ofRevokedKey), denylist.ErrRevoked) {
		return tokenRefused(reason)
	}
	return errKeysUnavailable
}
