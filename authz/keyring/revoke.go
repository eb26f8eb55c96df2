package keyring

import (
	"context"
	"time"
)

// Revoke takes a key back for good, in the registry: a published successor takes over, or a new key, which signs at once and
// of which most gateways do not know yet. The caller delivers the revocation, and after that lets the ring follow (KeepUp).
// signing is the key that signs now. Revoking again is no error. The errors are registry.ErrNotFound and those of Rotate.
func (k *Keyring) Revoke(ctx context.Context, actor, id string) (signing State, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.read(ctx); err != nil { // as for Rotate
		return State{}, err
	}
	now := k.now()
	until := now.Add(max(k.Schedule.Retain, legacyRetain))
	for _, stored := range k.known {
		if stored.ID == id {
			until = now.Add(k.retain(stored.SigningKey))
		}
	}
	successor, err := k.make(now, now)
	if err != nil {
		return State{}, err
	}
	key, err := k.Registry.By(actor).RevokeSigningKey(ctx, id, until, k.knownEverywhere(now), successor)
	if err != nil {
		return State{}, err
	}
	return stateOf(key, Signing), nil
}

// knownEverywhere is when everyone has read a JWKS that is published now.
func (k *Keyring) knownEverywhere(now time.Time) time.Time { return k.Schedule.Soonest(now) }
