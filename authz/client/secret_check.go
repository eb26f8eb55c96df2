package client

import (
	"context"
	"crypto/subtle"
	"runtime"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// SecretChecker compares client secrets. A slow hash is computed only where a secret is compared that somebody chose: the
// time of an answer tells which clients have one, which is no secret (GET /oauth/authorize tells which exist). It is safe for
// concurrent use as long as Compare is not changed.
type SecretChecker struct {
	// Compare is the slow comparison, bcrypt's but for tests. Its error says that the secret is not the one of the hash.
	Compare func(hash, secret []byte) error

	queues *secretQueues
	// proven remembers right secrets, so that their clients do not wait behind wrong ones. Wrong ones are never remembered:
	// each costs the same, every time.
	proven *provenSecrets
}

// NewSecretChecker returns a checker that runs as many slow hashes at once as leave half of the processors to others.
func NewSecretChecker() *SecretChecker {
	return &SecretChecker{
		Compare: bcrypt.CompareHashAndPassword,
		queues:  newSecretQueues(max(1, runtime.GOMAXPROCS(0)/2)),
		proven:  newProvenSecrets(),
	}
}

// Check reports whether secret is the one that stored was made of by HashGenerated or HashChosen. For a chosen one it waits
// as long as ctx allows while others are compared; the error is that of ctx, or ErrBusy when too many of the same client
// wait already.
func (c *SecretChecker) Check(ctx context.Context, stored, secret string) (bool, error) {
	switch {
	case stored == "" || secret == "":
		return false, nil
	case strings.HasPrefix(stored, generatedPrefix):
		return subtle.ConstantTimeCompare([]byte(stored), []byte(HashGenerated(secret))) == 1, nil
	case len(secret) > maxChosenSecret || !isChosen(stored):
		return false, nil
	case c.proven.has(stored, secret):
		return true, nil
	}
	leave, err := c.queues.wait(ctx, stored) // which is different for each client: it has a salt
	if err != nil {
		return false, err
	}
	defer leave()
	if c.proven.has(stored, secret) { // since others of the same client were compared
		return true, nil
	}
	if c.Compare([]byte(stored), []byte(secret)) != nil {
		return false, nil
	}
	c.proven.add(stored, secret)
	return true, nil
}

// isChosen reports whether a stored form is one that HashChosen made.
func isChosen(stored string) bool {
	_, err := bcrypt.Cost([]byte(stored))
	return err == nil
}
