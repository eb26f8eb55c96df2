package gateway_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
	"gatehouse/gateway"
	"gatehouse/keys"
)

// cachedSystem is a system that remembers the tokens it has verified, and one token that it remembers.
type cachedSystem struct {
	*system
	cache  *keys.Cache
	ring   *keys.Ring
	token  string
	passed atomic.Int64 // nanoseconds since now, for the verifier
}

func newCachedSystem(t *testing.T) *cachedSystem {
	t.Helper()
	s := &cachedSystem{}
	s.system = newSystem(t, []gateway.Route{balance(newUpstream(t, answerAll).URL())}, options{config: func(c *gateway.Config) {
		verifier := c.Verifier.(*keys.Verifier)
		s.ring = verifier.Keys.(*keys.Ring)
		verifier.Now = func() time.Time { return now.Add(time.Duration(s.passed.Load())) }
		var err error
		s.cache, err = keys.NewCache(verifier, 100)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.cache.Close()) })
		c.Verifier = s.cache
	}})
	s.token = s.system.token(nil)
	for range 2 {
		require.Equal(t, 200, s.get().StatusCode)
	}
	require.EqualValues(t, 1, s.cache.Hits())
	return s
}

func (s *cachedSystem) get() answer { return s.do(raw("GET /balance", bearer(s.token))) }

func TestACachedTokenIsRefusedOnceItIsRevoked(t *testing.T) {
	s := newCachedSystem(t)
	s.denylist.set(denylist.ErrRevoked)
	requireRefused(t, s.get(), 401, "invalid_token")
	s.denylist.set(denylist.ErrUnknown)
	requireRefused(t, s.get(), 503, "temporarily_unavailable")
	require.EqualValues(t, 3, s.cache.Hits())
	require.Len(t, s.denylist.queries(), 4, "the denylist is asked for each request")
}

func TestACachedTokenIsRefusedOnceItHasExpired(t *testing.T) {
	s := newCachedSystem(t)
	s.passed.Store(int64(time.Hour - time.Second))
	require.Equal(t, 200, s.get().StatusCode)
	s.passed.Store(int64(time.Hour))
	requireRefused(t, s.get(), 401, "invalid_token")
	require.EqualValues(t, 1, s.cache.Misses())
}

func TestACachedTokenIsRefusedOnceItsKeyWasWithdrawn(t *testing.T) {
	s := newCachedSystem(t)
	next, err := keys.Generate(keys.ES256)
	require.NoError(t, err)
	require.NoError(t, s.ring.Replace(next, s.key))
	require.Equal(t, 200, s.get().StatusCode)
	require.NoError(t, s.ring.Replace(next))
	requireRefused(t, s.get(), 401, "invalid_token")
}

func TestATokenThatIsAlmostACachedOneIsRefused(t *testing.T) {
	s := newCachedSystem(t)
	good := s.token
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if s.token = good[:len(good)-1] + string(last); s.token != good {
			requireRefused(t, s.get(), 401, "invalid_token")
		}
	}
	s.token = good
	require.Equal(t, 200, s.get().StatusCode)
}

func TestACachedTokenNeedsTheScopeOfEachRoute(t *testing.T) {
	s := newCachedSystem(t)
	s.token = s.system.token(map[string]any{"scope": "invoices:create", "jti": "another"})
	for range 3 {
		requireRefused(t, s.get(), 403, "insufficient_scope")
	}
	require.EqualValues(t, 3, s.cache.Hits())
}
