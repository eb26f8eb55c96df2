package authz

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/registry"
)

// KeyUse is what a key does at a time.
type KeyUse string

// The uses of a key, in the order of its life.
const (
	KeyPublished KeyUse = "published" // ahead of its time, so that everyone knows it when it signs
	KeySigning   KeyUse = "signing"
	KeyVerifying KeyUse = "verifying" // tokens that it signed may live
)

// KeyState is what may be shown of a signing key.
type KeyState struct {
	ID        string    `json:"id"` // kid
	Algorithm string    `json:"algorithm"`
	State     KeyUse    `json:"state"`
	SignsFrom time.Time `json:"signsFrom"`
	CreatedAt time.Time `json:"createdAt"`
}

// ErrSuccessorPending says that there is nothing to rotate: a key is published already that will sign.
var ErrSuccessorPending = errors.New("a successor is published already")

// Keys returns the keys of the registry that are needed, newest first. The Keyring need not have been opened.
func (k *Keyring) Keys(ctx context.Context) ([]KeyState, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.read(ctx); err != nil {
		return nil, err
	}
	now := k.now()
	signing, _, gone := k.Schedule.At(now, k.scheduled())
	states := make([]KeyState, 0, len(k.known))
	for _, stored := range k.known {
		switch {
		case stored.key == signing:
			states = append(states, stateOf(stored.SigningKey, KeySigning))
		case stored.SignsFrom.After(now):
			states = append(states, stateOf(stored.SigningKey, KeyPublished))
		case !slices.Contains(gone, stored.key):
			states = append(states, stateOf(stored.SigningKey, KeyVerifying))
		}
	}
	return states, nil
}

// Rotate publishes a key that signs as soon as everyone can have seen it, and returns it. When one that will sign is
// published already, Rotate returns that one with ErrSuccessorPending. On an empty database it makes the first key. The
// error wraps keys.ErrSealed as that of Open does. The Keyring need not have been opened.
func (k *Keyring) Rotate(ctx context.Context) (KeyState, error) {
	return k.rotate(ctx, k.Registry)
}

func (k *Keyring) rotate(ctx context.Context, by *registry.Registry) (KeyState, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.read(ctx); err != nil { // above all: a key that others cannot open must not be added
		return KeyState{}, err
	}
	now := k.now()
	use, signsFrom := KeyPublished, k.Schedule.Soonest(now)
	if len(k.known) == 0 {
		use, signsFrom = KeySigning, now
	}
	candidate, err := k.make(now, signsFrom)
	if err != nil {
		return KeyState{}, err
	}
	var pending registry.SigningKey
	added, err := by.AddSigningKey(ctx, func(newest registry.SigningKey) bool {
		pending = newest
		return !newest.SignsFrom.After(now)
	}, candidate)
	switch {
	case err != nil:
		return KeyState{}, err
	case !added:
		return stateOf(pending, KeyPublished), fmt.Errorf("%w: %s signs from %s on",
			ErrSuccessorPending, pending.ID, pending.SignsFrom.Format(time.RFC3339))
	}
	// The key is there. Should it not be read here and now, Run will.
	if err := k.read(ctx); err == nil {
		_ = k.turn()
	}
	return stateOf(candidate, use), nil
}

func stateOf(key registry.SigningKey, use KeyUse) KeyState {
	return KeyState{
		ID:        key.ID,
		Algorithm: key.Algorithm,
		State:     use,
		SignsFrom: key.SignsFrom,
		CreatedAt: key.CreatedAt,
	}
}
