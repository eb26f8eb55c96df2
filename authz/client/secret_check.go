package client

import (
	"context"
	"crypto/subtle"
	"errors"
	"runtime"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// SecretChecker compares client secrets. Every failure costs one slow hash, whether the client is unknown, has no secret, a
// generated or a chosen one: the time of an answer does not tell which clients exist. It is safe for concurrent use as
// long as Compare is not changed.
type SecretChecker struct {
	// Compare is the slow comparison, bcrypt's but for tests. Its error says that the secret is not the one of the hash.
	Compare func(hash, secret []byte) error

	// slots bound how many slow hashes run at once, so that a flood of wrong secrets leaves CPU to everyone else. queue
	// bounds how many wait for a slot: the rest are told to come back.
	slots chan struct{}
	queue chan struct{}
	// proven remembers right secrets, so that their clients do not wait in that queue. Wrong ones are never remembered: each
	// costs the same, every time.
	proven *provenSecrets
}

// queueLength is how many slow hashes may wait; at some 50 ms each the last of them is still answered in time.
const queueLength = 64

// ErrBusy says that too many clients are authenticated at this moment: the caller may try again.
var ErrBusy = errors.New("too many clients authenticate at this moment")

// decoy is the hash for those who have none. It is as expensive as every other, and of random bytes that were thrown away.
const decoy = "$2a$10$wGOZPLZj5icCvIWyqWdGReUqSjyXKET0rjgdaDdUvMb.qmM1OmSVe"

// NewSecretChecker returns a checker that runs as many slow hashes at once as leave half of the processors to others.
func NewSecretChecker() *SecretChecker {
	return &SecretChecker{
		Compare: bcrypt.CompareHashAndPassword,
		slots:   make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		queue:   make(chan struct{}, queueLength),
		proven:  newProvenSecrets(),
	}
}

// Check reports whether secret is the one that stored was made of by HashGenerated or HashChosen. It waits as long as ctx
// allows while others are checked; the error is that of ctx, or ErrBusy when too many wait already.
func (c *SecretChecker) Check(ctx context.Context, stored, secret string) (bool, error) {
	switch {
	case strings.HasPrefix(stored, generatedPrefix):
		if subtle.ConstantTimeCompare([]byte(stored), []byte(HashGenerated(secret))) == 1 {
			return true, nil
		}
	case stored != "" && secret != "" && len(secret) <= maxChosenSecret:
		if c.proven.has(stored, secret) {
			return true, nil
		}
		ok, err := c.compare(ctx, stored, secret)
		if ok {
			c.proven.add(stored, secret)
		}
		return ok, err
	}
	return false, c.Waste(ctx)
}

// Waste costs what a wrong secret costs, where there is no secret to compare with. Its errors are those of Check.
func (c *SecretChecker) Waste(ctx context.Context) error {
	_, err := c.compare(ctx, decoy, "")
	return err
}

// compare waits for a slot and reports whether the secret is the one of the hash.
func (c *SecretChecker) compare(ctx context.Context, hash, secret string) (bool, error) {
	select {
	case c.queue <- struct{}{}:
		defer func() { <-c.queue }()
	default:
		return false, ErrBusy
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return c.Compare([]byte(hash), []byte(secret)) == nil, nil
}
