package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/registry"
)

// Use is what a key does at a time.
type Use string

// The uses of a key, in the order of its life.
const (
	Published Use = "published" // ahead of its time, so that everyone knows it when it signs
	Signing   Use = "signing"
	Verifying Use = "verifying" // tokens that it signed may live
)

// State is what may be shown of a signing key.
type State struct {
	ID        string    `json:"id"` // kid
	Algorithm string    `json:"algorithm"`
	Use       Use       `json:"state"`
	SignsFrom time.Time `json:"signsFrom"`
	CreatedAt time.Time `json:"createdAt"`
}

// ErrSuccessorPending says that there is nothing to rotate: a key is published already that will sign.
var ErrSuccessorPending = errors.New("a successor is published already")

// Keys returns the keys that are needed now, newest first, from the registry. The Keyring need not have been opened.
func (k *Keyring) Keys(ctx context.Context) ([]State, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.read(ctx); err != nil {
		return nil, err
	}
	now := k.now()
	signing, _, gone := k.Schedule.At(now, k.scheduled())
	states := make([]State, 0, len(k.known))
	for _, stored := range k.known {
		switch {
		case stored.key == signing:
			states = append(states, stateOf(stored.SigningKey, Signing))
		case stored.SignsFrom.After(now):
			states = append(states, stateOf(stored.SigningKey, Published))
		case !slices.Contains(gone, stored.key):
			states = append(states, stateOf(stored.SigningKey, Verifying))
		}
	}
	return states, nil
}

// Rotate publishes a key that signs as soon as everyone can have seen it, and returns it. The registry records it under the
// actor, who must not be empty. When one that will sign is published already, Rotate returns that one with
// ErrSuccessorPending. On an empty database it makes the first key. The error wraps keys.ErrSealed as that of Open does.
// The Keyring need not have been opened.
func (k *Keyring) Rotate(ctx context.Context, actor string) (State, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.read(ctx); err != nil { // above all: a key that others cannot open must not be added
		return State{}, err
	}
	now := k.now()
	use, signsFrom := Published, k.Schedule.Soonest(now)
	if len(k.known) == 0 {
		use, signsFrom = Signing, now
	}
	candidate, err := k.make(now, signsFrom)
	if err != nil {
		return State{}, err
	}
	var pending registry.SigningKey
	added, err := k.Registry.By(actor).AddSigningKey(ctx, func(newest registry.SigningKey) bool {
		pending = newest
		return !newest.SignsFrom.After(now)
	}, candidate)
	switch {
	case err != nil:
		return State{}, err
	case !added:
		return stateOf(pending, Published), fmt.Errorf("%w: %s signs from %s on",
			ErrSuccessorPending, pending.ID, pending.SignsFrom.Format(time.RFC3339))
	}
	// The key is there. Should it not be read here and now, Run will read it.
	if err := k.read(ctx); err == nil {
		_ = k.applySchedule()
	}
	return stateOf(candidate, use), nil
}

func stateOf(key registry.SigningKey, use Use) State {
	return State{
		ID:        key.ID,
		Algorithm: key.Algorithm,
		Use:       use,
		SignsFrom: key.SignsFrom,
		CreatedAt: key.CreatedAt,
	}
}
