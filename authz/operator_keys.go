package authz

import (
	"context"
	"log/slog"
)

// Keys returns the signing keys that are needed, newest first.
func (o *Operator) Keys(ctx context.Context) ([]KeyState, error) {
	return o.Keyring.Keys(ctx)
}

// Rotate publishes a key that signs as soon as everyone can have seen it, and returns it. With ErrSuccessorPending it
// returns the one that is published already.
func (o *Operator) Rotate(ctx context.Context) (KeyState, error) {
	key, err := o.Keyring.rotate(ctx, o.by())
	if err != nil {
		return key, err
	}
	o.note(ctx, "signing key published", slog.String("kid", key.ID), slog.Time("signs_from", key.SignsFrom))
	return key, nil
}
