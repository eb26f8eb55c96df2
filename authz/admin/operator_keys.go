package admin

import (
	"context"
	"errors"
	"log/slog"

	"gatehouse/authz/keyring"
	"gatehouse/authz/outbox"
)

// Keys returns the signing keys that are needed, newest first.
func (o *Operator) Keys(ctx context.Context) ([]keyring.State, error) {
	return o.Keyring.Keys(ctx)
}

// RevokeKey takes a signing key back for good: every token that it has signed is refused. A published successor signs at once,
// or a new key. It returns the key that signs now, also beside outbox.ErrUndelivered, and how many gateways did not confirm that
// they know.
// Revoking again is no error. registry.ErrNotFound for a key that does not exist.
func (o *Operator) RevokeKey(ctx context.Context, id string) (signing keyring.State, unconfirmed int, err error) {
	signing, err = o.Keyring.Revoke(ctx, o.Actor, id)
	if err != nil {
		return signing, 0, err
	}
	o.note(ctx, "signing key revoked", slog.String("kid", id), slog.String("signing", signing.ID))
	// Gateways have to know that there are keys they do not know before the first token of one reaches them.
	unconfirmed, err = o.Relay.Confirm(ctx, outbox.RevokedKeys())
	if o.Keyring.Ring() != nil {
		_, keepUp := o.Keyring.KeepUp(ctx)
		err = errors.Join(err, keepUp)
	}
	return signing, unconfirmed, err
}

// Rotate publishes a key that signs as soon as everyone can have seen it, and returns it. With keyring.ErrSuccessorPending it
// returns the one that is published already.
func (o *Operator) Rotate(ctx context.Context) (keyring.State, error) {
	key, err := o.Keyring.Rotate(ctx, o.Actor)
	if err != nil {
		return key, err
	}
	o.note(ctx, "signing key published", slog.String("kid", key.ID), slog.Time("signs_from", key.SignsFrom))
	return key, nil
}
