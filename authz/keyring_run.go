package authz

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"gatehouse/registry"
)

const (
	// keyringRefresh is how often a replica looks for keys that others have published.
	keyringRefresh = 10 * time.Second
	// KeyRetention is how long a key that verifies nothing any more stays in the registry: a clock that is far ahead must not
	// delete what cannot be had again (app/config/clocks.go).
	KeyRetention = 24 * time.Hour
)

// Run keeps the ring right until ctx ends: it reads what other replicas have published, publishes a successor when one is
// due, lets it sign when its time has come, and deletes what nobody needs any more. While the registry does not answer,
// what was read last goes on by the clock; that is logged when it begins and when it is over. Open comes first.
func (k *Keyring) Run(ctx context.Context) {
	watched := watched{
		log:    k.log(),
		begins: "signing keys cannot be kept up; those that are known stay good",
		over:   "signing keys are kept up again",
	}
	for {
		next, err := k.keepUp(ctx)
		watched.note(ctx, err)
		if !pause(ctx, next) {
			return
		}
	}
}

// keepUp is one round of Run, and says when the next is due.
func (k *Keyring) keepUp(ctx context.Context) (next time.Duration, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err = errors.Join(k.maintain(ctx), k.turn())
	next = cmp.Or(k.Refresh, keyringRefresh)
	now := k.now()
	for _, stored := range k.known {
		if until := stored.SignsFrom.Sub(now); until > 0 {
			next = min(next, until)
		}
	}
	return next, err
}

// maintain reads the keys, publishes the successor that is due and deletes those that are gone.
func (k *Keyring) maintain(ctx context.Context) error {
	if err := k.read(ctx); err != nil || len(k.known) == 0 {
		return err
	}
	if err := k.publishDue(ctx); err != nil {
		return err
	}
	long := k.Schedule
	long.Retain += KeyRetention
	_, _, gone := long.At(k.now(), k.scheduled())
	ids := make([]string, len(gone))
	for i, key := range gone {
		ids[i] = key.ID()
	}
	return k.Registry.By(keyActor).DeleteSigningKeys(ctx, ids...)
}

func (k *Keyring) publishDue(ctx context.Context) error {
	now, last := k.now(), k.newest()
	signsFrom, due := k.Schedule.Due(now, last.SignsFrom)
	if !due {
		return nil
	}
	candidate, err := k.make(now, signsFrom)
	if err != nil {
		return err
	}
	still := func(newest registry.SigningKey) bool { return newest.ID == last.ID }
	added, err := k.Registry.By(keyActor).AddSigningKey(ctx, still, candidate)
	if err != nil {
		return err
	}
	if added {
		k.log().Info("signing key published", slog.String("actor", keyActor), slog.String("kid", candidate.ID),
			slog.Time("signs_from", signsFrom))
	}
	return k.read(ctx) // whoever was first
}

// newest is the key that signs from the latest time on, as registry.AddSigningKey knows it.
func (k *Keyring) newest() registry.SigningKey {
	return slices.MaxFunc(k.known, func(a, b storedKey) int {
		return cmp.Or(a.SignsFrom.Compare(b.SignsFrom), cmp.Compare(a.ID, b.ID))
	}).SigningKey
}

// turn makes the ring, once there is one, what the schedule says of the known keys. On error it stays as it was.
func (k *Keyring) turn() error {
	if k.ring == nil {
		return nil
	}
	before := k.ring.Signing()
	signing, published, _ := k.Schedule.At(k.now(), k.scheduled())
	if err := k.ring.Replace(signing, published...); err != nil {
		return err
	}
	if signing != before {
		k.log().Info("another key signs", slog.String("kid", signing.ID()), slog.String("before", before.ID()))
	}
	return nil
}
