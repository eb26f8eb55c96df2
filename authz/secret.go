package authz

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/ory/fosite"
	"golang.org/x/crypto/bcrypt"
)

const (
	generatedPrefix = "sha256:"
	chosenCost      = 10
	// maxChosenSecret is where bcrypt stops reading: what follows would not be checked.
	maxChosenSecret = 72
)

// ErrSecretLength is returned by HashChosen for a secret that is empty or longer than 72 bytes.
var ErrSecretLength = errors.New("a client secret is 1 to 72 bytes long")

// NewSecret returns 256 random bits in the alphabet [A-Za-z0-9_-], which needs no encoding anywhere.
func NewSecret() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(secret)
}

// HashGenerated returns the stored form of a secret made by NewSecret. A fast hash is enough for it, since nobody can
// guess 256 random bits; for a secret that a person chose use HashChosen.
func HashGenerated(secret string) string {
	digest := sha256.Sum256([]byte(secret))
	return generatedPrefix + hex.EncodeToString(digest[:])
}

// HashChosen returns the stored form of a secret that someone chose: a slow, salted hash. It takes some tens of
// milliseconds of CPU.
func HashChosen(secret string) (string, error) {
	if secret == "" || len(secret) > maxChosenSecret {
		return "", ErrSecretLength
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), chosenCost)
	if err != nil {
		return "", fmt.Errorf("hash client secret: %w", err)
	}
	return string(hash), nil
}

// secretChecker compares client secrets such that every failure costs one slow hash, whether the client is unknown, has
// no secret, a generated or a chosen one: the time of an answer does not tell which clients exist. It is safe for
// concurrent use.
type secretChecker struct {
	slow func(hash, secret []byte) error
	// slots bound how many slow hashes run at once, so that a flood of wrong secrets leaves CPU to everyone else, and
	// queue how many wait for one: the rest are told to come back.
	slots chan struct{}
	queue chan struct{}
	// proven remembers right secrets, by a keyed hash, so that their clients do not wait in that queue. Wrong ones are
	// never remembered: each costs the same, every time.
	proven *provenSecrets
}

// queueLength is how many slow hashes may wait; at some 50 ms each the last of them is still answered in time.
const queueLength = 64

var errBusy = fosite.ErrTemporarilyUnavailable.WithHint("Too many clients authenticate at this moment. Try again.")

// decoy is compared with where there is nothing to compare: a hash, as expensive as every other, of random bytes that
// were thrown away.
const decoy = "$2a$10$wGOZPLZj5icCvIWyqWdGReUqSjyXKET0rjgdaDdUvMb.qmM1OmSVe"

func newSecretChecker() *secretChecker {
	return &secretChecker{
		slow:   bcrypt.CompareHashAndPassword,
		slots:  make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		queue:  make(chan struct{}, queueLength),
		proven: newProvenSecrets(),
	}
}

// check reports whether secret is the one that stored was made of. It waits for a slot as long as ctx allows; the error is
// ctx's, or errBusy when too many wait already.
func (c *secretChecker) check(ctx context.Context, stored, secret string) (bool, error) {
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
	return false, c.waste(ctx)
}

// waste costs what a wrong secret costs.
func (c *secretChecker) waste(ctx context.Context) error {
	_, err := c.compare(ctx, decoy, "")
	return err
}

func (c *secretChecker) compare(ctx context.Context, hash, secret string) (bool, error) {
	select {
	case c.queue <- struct{}{}:
		defer func() { <-c.queue }()
	default:
		return false, errBusy
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return c.slow([]byte(hash), []byte(secret)) == nil, nil
}

// sameText compares in a time that does not depend on where, or in length, the two differ.
func sameText(want, have string) bool {
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(have))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
