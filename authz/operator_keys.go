package authz

import (
	"context"
	"log/slog"

	"gatehouse/authz/keyring"
)

// Keys returns the signing keys that are needed, newest first.
func (o *Operator) Keys(ctx context.Context) ([]keyring.State, error) {
	return o.Keyring.Keys(ctx)
}

// Rotate publishes a key that signs as soon as everyone can have seen it, and returns it. With
// keyring.ErrSuccessorPending it returns the one that is published already.
func (o *Operator) Rotate(ctx context.Context) (keyring.State, error) {
	key, err := o.Keyring.Rotate(ctx, o.Actor)
	if err != nil {
		return key, err
	}
	o.note(ctx, "signing key published", slog.String("kid", key.ID), slog.Time("signs_from", key.SignsFrom))
	return key, nil
}
