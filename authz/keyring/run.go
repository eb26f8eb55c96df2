package keyring

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"gatehouse/authz/internal/loop"
	"gatehouse/registry"
)

const (
	// defaultRefresh is how often a replica looks for keys that others have published.
	defaultRefresh = 10 * time.Second
	// Retention is how long a key that verifies nothing any more stays in the registry: a clock that is far ahead must not
	// delete what cannot be had again (app/config/clocks.go).
	Retention = 24 * time.Hour
)

// Run keeps the ring right until ctx ends: it reads what other replicas have published, publishes a successor when one is
// due, lets it sign when its time has come, and deletes what nobody needs any more. While the registry does not answer,
// the keys that were read last go on by the clock, and the log says when that begins and when it is over. Open comes
// first.
func (k *Keyring) Run(ctx context.Context) {
	loop.Loop{
		Round:     k.KeepUp,
		Log:       k.log(),
		Failing:   "signing keys cannot be kept up; those that are known stay good",
		Recovered: "signing keys are kept up again",
	}.Run(ctx)
}

// KeepUp is one round of Run, for tests that move the clock between rounds. It returns how long the next round may wait,
// also with an error.
func (k *Keyring) KeepUp(ctx context.Context) (next time.Duration, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err = errors.Join(k.maintain(ctx), k.applySchedule())
	next = cmp.Or(k.Refresh, defaultRefresh)
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
	if err := k.raiseRetention(ctx); err != nil {
		return err
	}
	kept := k.scheduled()
	for i := range kept {
		kept[i].Retain += Retention
	}
	_, _, gone := k.Schedule.At(k.now(), kept)
	ids := make([]string, len(gone))
	for i, key := range gone {
		ids[i] = key.ID()
	}
	return k.Registry.By(actor).DeleteSigningKeys(ctx, ids...)
}

// publishDue adds the successor that is due, unless another replica was first.
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
	stillNewest := func(newest registry.SigningKey) bool { return newest.ID == last.ID }
	added, err := k.Registry.By(actor).AddSigningKey(ctx, stillNewest, candidate)
	if err != nil {
		return err
	}
	if added {
		k.log().Info("signing key published", slog.String("actor", actor), slog.String("kid", candidate.ID),
			slog.Time("signs_from", signsFrom))
	}
	return k.read(ctx) // also when another replica was first
}

// newest is the key that signs from the latest time on, as registry.AddSigningKey knows it.
func (k *Keyring) newest() registry.SigningKey {
	return slices.MaxFunc(k.known, func(a, b storedKey) int {
		return cmp.Or(a.SignsFrom.Compare(b.SignsFrom), cmp.Compare(a.ID, b.ID))
	}).SigningKey
}

// applySchedule lets the ring, once there is one, sign and verify with the keys that the schedule says. On error it stays as
// it was.
func (k *Keyring) applySchedule() error {
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
