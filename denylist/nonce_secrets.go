package denylist

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// nonceSecretPrefix, with a Day, holds the secret of that day. It is not below keyPrefix: it revokes nothing.
	nonceSecretPrefix = "{gh}:nonce:"
	// nonceSecretLife is from the day before, on which a secret is made, to the end of the day after.
	nonceSecretLife = 3 * 24 * time.Hour

	// nonceSecretsRefresh is how long processes may have different secrets after Redis has lost its data. A client that goes
	// from one to the other is meanwhile told to use another nonce.
	nonceSecretsRefresh = 10 * time.Second
	// nonceSecretsPause lies between tries as long as Redis cannot be reached.
	nonceSecretsPause = time.Second
)

// NonceSecrets are what DPoP nonces are made with (RFC 9449 section 8): one for each day, the same in every process that shares
// this Redis. Whoever needs one first makes it. It is made a day early, so that processes whose clocks differ have it, and ends a
// day late. Nothing depends on a secret being kept: when Redis loses its data there are others, and clients are told another
// nonce. It is safe for concurrent use.
type NonceSecrets struct {
	store *Store
	known atomic.Pointer[map[Day][]byte]
}

// NewNonceSecrets returns secrets of which none is known before Refresh or Run.
func NewNonceSecrets(store *Store) *NonceSecrets {
	n := &NonceSecrets{store: store}
	n.known.Store(&map[Day][]byte{})
	return n
}

// At returns the secret of a time, 32 bytes, and nil when it is not known. It answers from memory.
func (n *NonceSecrets) At(at time.Time) []byte { return (*n.known.Load())[DayOf(at)] }

// Run calls Refresh at once, and again and again until ctx ends. While Redis cannot be reached, what is known goes on serving:
// that is until the end of the next day.
func (n *NonceSecrets) Run(ctx context.Context, log *slog.Logger) {
	for warned := false; ; {
		pause := nonceSecretsRefresh
		switch err := n.Refresh(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			pause = nonceSecretsPause
			if !warned {
				log.Warn("secrets of DPoP nonces cannot be read", "error", err)
			}
			warned = true
		case warned:
			log.Info("secrets of DPoP nonces can be read")
			warned = false
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// nonceSecrets returns the secrets of all keys, and makes those that are missing.
var nonceSecrets = redis.NewScript(`
for i, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[i + 1], 'NX', 'PX', ARGV[1])
end
return redis.call('MGET', unpack(KEYS))`)

// Refresh reads the secrets of yesterday, today and tomorrow. It blocks for a bounded time. What was known stays when it fails.
func (n *NonceSecrets) Refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	today := DayOf(n.store.Now())
	days := []Day{today - 1, today, today + 1}
	args := []any{nonceSecretLife.Milliseconds()}
	var names []string
	for _, day := range days {
		names = append(names, nonceSecretPrefix+strconv.Itoa(int(day)))
		args = append(args, newNonceSecret())
	}
	found, err := nonceSecrets.Run(ctx, n.store.write, names, args...).StringSlice()
	if err != nil {
		return fmt.Errorf("read secrets of DPoP nonces: %w", err)
	}
	known := make(map[Day][]byte, len(days))
	for i, secret := range found {
		known[days[i]] = []byte(secret)
	}
	n.known.Store(&known)
	return nil
}

func newNonceSecret() []byte {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	return secret
}
