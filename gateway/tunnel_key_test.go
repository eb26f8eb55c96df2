package gateway_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
	"gatehouse/keys"
)

// awaitLooks returns when tunnels with a token have been looked at after now.
func (s *system) awaitLooks() {
	s.t.Helper()
	asked := len(s.denylist.queries())
	require.Eventually(s.t, func() bool { return len(s.denylist.queries()) > asked+4 }, patience, time.Millisecond)
}

// A key that leaves the ring takes the WebSockets of its tokens with it, and no others.
func TestAWebSocketIsClosedWithTheKeyOfItsToken(t *testing.T) {
	for name, remember := range map[string]bool{"verified each time": false, "remembered": true} {
		t.Run(name, func(t *testing.T) { withdrawKey(t, remember) })
	}
}

func withdrawKey(t *testing.T, remember bool) {
	upstream := webSocketUpstream(t, echo)
	var ring *keys.Ring
	s := newSystem(t, []gateway.Route{
		balance(upstream.URL, webSocket), balance(upstream.URL, webSocket, public, path("/public")),
	}, options{config: func(c *gateway.Config) {
		verifier := c.Verifier.(*keys.Verifier)
		ring = verifier.Keys.(*keys.Ring)
		if remember {
			cache, err := keys.NewCache(verifier, 10)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, cache.Close()) })
			c.Verifier = cache
		}
	}})
	next, err := keys.Generate(keys.ES256)
	require.NoError(t, err)
	c, anonymous := s.open("/balance", withToken(s.token(nil))), s.open("/public", nil)

	require.NoError(t, ring.Replace(next, s.key))
	s.key = next
	other := s.open("/balance", withToken(s.token(nil)))
	s.awaitLooks()
	says(t, c, "the key verifies as before")

	require.NoError(t, ring.Replace(next))
	require.Equal(t, "token revoked", requireClosed(t, c, 4401))
	s.awaitLooks()
	says(t, other, "still here")
	says(t, anonymous, "still here")
}

// unsure is keys that cannot tell for a while.
type unsure struct {
	keys.PublicKeys
	answer atomic.Pointer[error]
}

func (u *unsure) PublicKey(kid string) (keys.PublicKey, error) {
	if err := u.answer.Load(); err != nil {
		return keys.PublicKey{}, *err
	}
	return u.PublicKeys.PublicKey(kid)
}

func TestAWebSocketOutlivesKeysThatCannotBeRead(t *testing.T) {
	known := &unsure{}
	s := newSystem(t, []gateway.Route{balance(webSocketUpstream(t, echo).URL, webSocket)}, options{config: func(c *gateway.Config) {
		verifier := c.Verifier.(*keys.Verifier)
		known.PublicKeys, verifier.Keys = verifier.Keys, known
	}})
	c := s.open("/balance", withToken(s.token(nil)))
	known.answer.Store(&keys.ErrKeysUnavailable)
	s.awaitLooks()
	says(t, c, "still here")
	unknown := error(keys.ErrUnknownKey)
	known.answer.Store(&unknown)
	requireClosed(t, c, 4401)
}
