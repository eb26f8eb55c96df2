package gateway_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/keys"
)

// TestAnUnknownKeyAfterARevocationMayBeAGoodOne: clients throw their refresh token away on 401.
func TestAnUnknownKeyAfterARevocationMayBeAGoodOne(t *testing.T) {
	upstream := newUpstream(t, answerAll)
	s := newSystem(t, []gateway.Route{balance(upstream.URL())}, options{})
	other, err := keys.Generate(keys.ES256)
	require.NoError(t, err)
	token, err := other.Sign(keys.TypeAccessToken, claims(nil))
	require.NoError(t, err)
	ask := func(token string) int { return s.do(raw("GET /balance", "Authorization: Bearer "+token)).StatusCode }
	require.Equal(t, 401, ask(token))
	s.denylist.setFor(denylist.AnyKey, denylist.ErrRevoked)
	require.Equal(t, 503, ask(token), "a key was revoked lately")
	s.denylist.setFor("", denylist.ErrRevoked)
	require.Equal(t, 401, ask(token), "it was this one: its client is to refresh")
	require.Equal(t, 401, ask("garbage"), "what names no key is no token")
	s.denylist.set(fmt.Errorf("%w: test", denylist.ErrUnknown))
	require.Equal(t, 503, ask(token), "perhaps")
	s.denylist.set(nil)
	require.Equal(t, 401, ask(token))
	require.Empty(t, upstream.Requests())
}
