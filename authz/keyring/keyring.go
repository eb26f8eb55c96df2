package keyring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gatehouse/keys"
	"gatehouse/registry"
)

const (
	// actor is who makes and removes keys when nobody has asked for it.
	actor = "key schedule"
	// RequestTimeout bounds every request in which a token is signed. The authorization server holds to it.
	RequestTimeout = 10 * time.Second
	// ClockSkew is how far apart the clocks of two replicas may be. app/config/clocks.go says what depends on it.
	ClockSkew = time.Minute
	// LongestToken is how long the longest access token lives unless it is configured.
	LongestToken = 8760 * time.Hour
)

// Times is what the schedule of the signing keys follows from.
type Times struct {
	// RotateEvery is how long a key signs.
	RotateEvery time.Duration
	// PublishAhead is how long a key is published before it signs: longer than anyone goes on with the JWKS from before.
	PublishAhead time.Duration
	// LongestToken is the life of the longest access token.
	LongestToken time.Duration
	// ClockSkew is how far apart the clocks of two replicas may be.
	ClockSkew time.Duration
}

// Schedule is the same in all replicas that have the same times. A key verifies until the last token has expired that
// anyone can have signed with it, a replica whose clock is slow included.
func (t Times) Schedule() keys.Schedule {
	return keys.Schedule{
		RotateEvery:  t.RotateEvery,
		PublishAhead: t.PublishAhead,
		Retain:       t.LongestToken + RequestTimeout + 2*t.ClockSkew,
	}
}

// legacyRetain is what a key is retained that was stored by a version which did not say for how long: the longest token lived
// a year unless it was configured.
var legacyRetain = Times{LongestToken: 8760 * time.Hour, ClockSkew: time.Minute}.Schedule().Retain

// Keyring is the signing keys in the registry, sealed with Secret, and what each of them does now. Replicas that have the
// same registry and the same Schedule agree without talking to each other. The methods are safe for concurrent use as
// long as the fields are not changed. They wait for each other, and block for as long as the registry does.
type Keyring struct {
	Registry *registry.Registry
	// Secret seals the keys: the same in every replica, from the first start on.
	Secret string
	// Alg is what new keys are made for: keys.ES256, RS256 or EdDSA.
	Alg string
	// Schedule is that of Times; tests have shorter ones.
	Schedule keys.Schedule
	// Refresh is how often Run reads the registry; 10 seconds when 0.
	Refresh time.Duration

	Log *slog.Logger     // slog.Default when nil
	Now func() time.Time // time.Now when nil

	mu    sync.Mutex
	known []storedKey // what was read last, newest first
	ring  *keys.Ring  // nil until Open
}

// storedKey is a key of the registry, opened.
type storedKey struct {
	registry.SigningKey
	key *keys.Key
}

// Open returns the ring of the keys, which Run keeps right from then on. On an empty database it makes the first key;
// replicas that do so at once end up with the same one. The error wraps keys.ErrSealed when the Secret is not the one
// that the keys were sealed with; then nothing was changed.
func (k *Keyring) Open(ctx context.Context) (*keys.Ring, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.read(ctx); err != nil {
		return nil, err
	}
	if len(k.known) == 0 {
		if err := k.makeFirst(ctx); err != nil {
			return nil, err
		}
	}
	if err := k.raiseRetention(ctx); err != nil {
		return nil, err
	}
	signing, published, _ := k.Schedule.At(k.now(), k.scheduled())
	ring, err := keys.NewRing(signing, published...)
	if err != nil {
		return nil, err
	}
	k.ring = ring
	return ring, nil
}

// Ring returns what Open has returned; nil before.
func (k *Keyring) Ring() *keys.Ring {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ring
}

// makeFirst makes the first key, unless another replica did.
func (k *Keyring) makeFirst(ctx context.Context) error {
	now := k.now()
	candidate, err := k.make(now, now)
	if err != nil {
		return err
	}
	if _, err := k.Registry.By(actor).EnsureSigningKey(ctx, candidate); err != nil {
		return err
	}
	return k.read(ctx)
}

// make returns a new key, sealed.
func (k *Keyring) make(createdAt, signsFrom time.Time) (registry.SigningKey, error) {
	key, err := keys.Generate(k.Alg)
	if err != nil {
		return registry.SigningKey{}, err
	}
	sealed, err := keys.Seal(key, k.Secret)
	if err != nil {
		return registry.SigningKey{}, err
	}
	return registry.SigningKey{
		ID:        key.ID(),
		Algorithm: key.Algorithm(),
		Sealed:    sealed,
		CreatedAt: createdAt,
		SignsFrom: signsFrom,
		Retain:    k.Schedule.Retain,
	}, nil
}

// read takes the keys from the registry. On error those that were read last stay. As for everything below, the caller
// holds mu.
func (k *Keyring) read(ctx context.Context) error {
	rows, err := k.Registry.SigningKeys(ctx)
	if err != nil {
		return err
	}
	type sealed struct{ id, text string }
	opened := make(map[sealed]*keys.Key, len(k.known))
	for _, stored := range k.known {
		opened[sealed{stored.ID, stored.Sealed}] = stored.key
	}
	known := make([]storedKey, len(rows))
	for i, row := range rows {
		key := opened[sealed{row.ID, row.Sealed}]
		if key == nil {
			if key, err = keys.Open(row.Sealed, k.Secret, row.ID); err != nil {
				return explainSealed(row.ID, err)
			}
		}
		known[i] = storedKey{row, key}
	}
	k.known = known
	return nil
}

func explainSealed(id string, err error) error {
	if errors.Is(err, keys.ErrSealed) {
		return fmt.Errorf("key %s cannot be opened with this keys.secret (%w); nothing was changed: "+
			"set keys.secret to what it was when this database was first used, the same in every process", id, err)
	}
	return fmt.Errorf("key %s: %w", id, err)
}

// scheduled are the known keys with their places in time.
func (k *Keyring) scheduled() []keys.Scheduled {
	scheduled := make([]keys.Scheduled, len(k.known))
	for i, stored := range k.known {
		scheduled[i] = keys.Scheduled{Key: stored.key, SignsFrom: stored.SignsFrom, Retain: k.retain(stored.SigningKey)}
	}
	return scheduled
}

// retain is how long the key verifies after it has ceased to sign.
func (k *Keyring) retain(key registry.SigningKey) time.Duration {
	if key.Retain == 0 {
		return max(k.Schedule.Retain, legacyRetain)
	}
	return key.Retain
}

// raiseRetention keeps the keys that sign, or will, for as long as the tokens live that this replica signs. Other replicas may
// have added them when tokens lived shorter. What was raised once stays: tokens may live that long.
func (k *Keyring) raiseRetention(ctx context.Context) error {
	signing, _, _ := k.Schedule.At(k.now(), k.scheduled())
	for i := range k.known {
		stored := &k.known[i]
		wanted := max(k.retain(stored.SigningKey), k.Schedule.Retain)
		if stored.key != signing && !stored.SignsFrom.After(k.now()) || stored.Retain == wanted {
			continue
		}
		if err := k.Registry.RetainSigningKey(ctx, stored.ID, wanted); err != nil {
			return err
		}
		stored.Retain = wanted
	}
	return nil
}

// now is the time as the registry stores it.
func (k *Keyring) now() time.Time {
	now := k.Now
	if now == nil {
		now = time.Now
	}
	return now().UTC().Truncate(time.Microsecond)
}

func (k *Keyring) log() *slog.Logger { return cmp.Or(k.Log, slog.Default()) }
