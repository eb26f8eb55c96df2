package client

import (
	"context"
	"sync"
	"time"

	"gatehouse/registry"
)

const (
	// Staleness is how long a client is believed to be as it was read, where nobody tells that it was changed.
	Staleness = 5 * time.Second
	// mostCached are some 2 MB.
	mostCached = 1000
)

// Cache remembers clients that operators have registered, so that not each request has to read its client. Others, and what is not
// found, are read each time: nobody can fill it. It is safe for concurrent use.
type Cache struct {
	// Read reads a client from the registry.
	Read func(ctx context.Context, id string) (registry.Client, error)
	Now  func() time.Time

	mu      sync.Mutex
	known   map[string]cached
	changes int // heard of so far
}

type cached struct {
	client registry.Client
	readAt time.Time
}

// Client returns the client as it was at most Staleness ago, and not before a change that Forget has told of. Callers must not change its
// lists. The errors are those of Read.
func (c *Cache) Client(ctx context.Context, id string) (registry.Client, error) {
	now := c.Now()
	c.mu.Lock()
	known, isKnown := c.known[id]
	changes := c.changes
	c.mu.Unlock()
	if age := now.Sub(known.readAt); isKnown && 0 <= age && age < Staleness {
		return known.client, nil
	}
	read, err := c.Read(ctx, id)
	if err == nil && !read.Disabled() && read.Fingerprint == "" && !read.RegisteredItself() {
		c.keep(cached{read, now}, changes)
	}
	return read, err
}

// keep remembers a client, unless any has changed since reading began: it may have been read before that.
func (c *Cache) keep(read cached, changes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != changes {
		return
	}
	if c.known == nil {
		c.known = make(map[string]cached)
	}
	for id := range c.known {
		if len(c.known) < mostCached {
			break
		}
		delete(c.known, id) // any one of them
	}
	c.known[read.client.ID] = read
}

// Forget has the client read again. It was changed.
func (c *Cache) Forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	delete(c.known, id)
}

// ForgetAll has every client read again. Any may have been changed.
func (c *Cache) ForgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	clear(c.known)
}
