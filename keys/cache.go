package keys

import (
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// Cache is a Verifier that remembers the tokens that were good, so that only the first request with a token pays for its
// signature. A token is found by its SHA-256. It is forgotten when it expires, and verified anew as soon as its key has
// left the verifier's. Nothing is remembered of a token that is refused, and many different tokens that come once do not
// push out those that come often (W-TinyLFU). It is safe for concurrent use and has to be closed.
type Cache struct {
	verifier *Verifier
	tokens   *otter.Cache[digest, *verified]
	clock    *otter.CoarseClock
	flights  flights
	hits     atomic.Int64
	misses   atomic.Int64
}

type digest [sha256.Size]byte

// clockResolution is how late an expired token may be removed. It is refused on time all the same: Verify looks at the
// clock itself.
const clockResolution = time.Second

// NewCache returns a cache of at most size tokens, which is at least 1. It takes some 500 bytes for each.
func NewCache(verifier *Verifier, size int) (*Cache, error) {
	clock := otter.NewCoarseClock(clockResolution)
	tokens, err := otter.New(&otter.Options[digest, *verified]{
		MaximumSize: size,
		Clock:       clock,
		ExpiryCalculator: otter.ExpiryCreatingFunc(func(e otter.Entry[digest, *verified]) time.Duration {
			return max(e.Value.claims.ExpiresAt.Sub(verifier.now()), 1)
		}),
	})
	if err != nil {
		clock.Stop()
		return nil, fmt.Errorf("make token cache: %w", err)
	}
	return &Cache{verifier: verifier, tokens: tokens, clock: clock}, nil
}

// Verify answers as Verifier.Verify does. Calls for a token that is being verified wait for the one result.
func (c *Cache) Verify(token []byte) (*Claims, error) {
	if len(token) > maxTokenSize {
		return nil, ErrMalformed
	}
	sum := digest(sha256.Sum256(token))
	found, ok := c.tokens.GetIfPresent(sum)
	if ok {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
		var err error
		if found, err = c.load(sum, token); err != nil {
			return nil, err
		}
	}
	// This holds for what was verified just now, too: another call may have begun it while the key was still there.
	key, err := c.verifier.Keys.PublicKey(found.claims.KeyID)
	if err != nil || key.thumbprint != found.key {
		c.tokens.Invalidate(sum)
		return c.verifier.Verify(token)
	}
	// Likewise, it may have expired since.
	if err := c.verifier.checkTimes(found); err != nil {
		return nil, err
	}
	return &found.claims, nil
}

// KeyWithdrawn answers as Verifier.KeyWithdrawn does.
func (c *Cache) KeyWithdrawn(claims *Claims) bool { return c.verifier.KeyWithdrawn(claims) }

// load verifies a token, and remembers it when it is good.
func (c *Cache) load(sum digest, token []byte) (*verified, error) {
	parts, err := split(token)
	if err != nil {
		return nil, err
	}
	return c.flights.join(sum, func() (*verified, error) {
		if found, ok := c.tokens.GetIfPresent(sum); ok { // since the caller looked
			return found, nil
		}
		found, err := c.verifier.verify(parts)
		if err != nil {
			return nil, err
		}
		if err := c.verifier.checkTimes(found); err != nil {
			return nil, err
		}
		c.tokens.Set(sum, found)
		return found, nil
	})
}

// Hits is how many tokens were found.
func (c *Cache) Hits() int64 { return c.hits.Load() }

// Misses is how many tokens were not found, good or not.
func (c *Cache) Misses() int64 { return c.misses.Load() }

// Size is about how many tokens are remembered.
func (c *Cache) Size() int { return c.tokens.EstimatedSize() }

// Close stops the removal of expired tokens. Verify still works.
func (c *Cache) Close() error {
	c.tokens.StopAllGoroutines()
	c.clock.Stop()
	return nil
}
