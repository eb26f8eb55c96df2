package authz

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"

	"gatehouse/registry"
)

// CreateClient registers a client and returns it with its secret, which cannot be seen again; "" for a public client.
// registry.ErrExists when the chosen ID is taken, also by a client that was deleted.
func (o *Operator) CreateClient(ctx context.Context, settings ClientSettings) (_ registry.Client, secret string, err error) {
	if err := settings.check(newScopes(o.Scopes)); err != nil {
		return registry.Client{}, "", err
	}
	client := settings.client()
	if client.ID == "" {
		client.ID = newClientID()
	}
	client.CreatedAt = clock(o.Now)().UTC()
	client.UpdatedAt = client.CreatedAt
	switch secret = settings.Secret; {
	case client.Public:
	case secret == "":
		secret = NewSecret()
		client.SecretHash = HashGenerated(secret)
	default:
		if client.SecretHash, err = HashChosen(secret); err != nil {
			return registry.Client{}, "", err
		}
	}
	if err := o.by().CreateClient(ctx, client); err != nil {
		return registry.Client{}, "", err
	}
	o.note(ctx, "client created", slog.String("client_id", client.ID), slog.Bool("public", client.Public))
	return client, secret, nil
}

// newClientID is 16 random letters and digits. It begins with a letter, so that it never looks like a user's id.
func newClientID() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	const alphabet = letters + "0123456789"
	id := make([]byte, 0, 16)
	for len(id) < cap(id) {
		allowed := alphabet
		if len(id) == 0 {
			allowed = letters
		}
		var random [1]byte
		_, _ = rand.Read(random[:]) // never fails (crypto/rand)
		if i := int(random[0] & 63); i < len(allowed) {
			id = append(id, allowed[i])
		}
	}
	return string(id)
}

// Clients returns every client, oldest first. Disabled ones are among them, deleted ones are not.
func (o *Operator) Clients(ctx context.Context) ([]registry.Client, error) {
	return o.Registry.Clients(ctx)
}

// Client returns the client, also a disabled one, or registry.ErrNotFound.
func (o *Operator) Client(ctx context.Context, id string) (registry.Client, error) {
	return o.Registry.Client(ctx, id)
}

// UpdateClient changes what the change names and returns the client as it is then. registry.ErrNotFound.
func (o *Operator) UpdateClient(ctx context.Context, id string, change ClientChange) (registry.Client, error) {
	if err := change.check(newScopes(o.Scopes)); err != nil {
		return registry.Client{}, err
	}
	client, err := o.by().UpdateClient(ctx, id, func(client *registry.Client) error {
		change.apply(client)
		if !change.concernsUse() {
			return nil
		}
		return checkUse(*client) // with what others have changed meanwhile
	})
	if err != nil {
		return registry.Client{}, err
	}
	o.note(ctx, "client updated", slog.String("client_id", id))
	return client, nil
}

// DeleteClient removes the client for good and denies every token it holds. It returns nil when every gateway knows, and
// registry.ErrNotFound for a client that was deleted before only when they know of that.
func (o *Operator) DeleteClient(ctx context.Context, id string) error {
	err := o.by().DeleteClient(ctx, id, o.lastExpiry())
	switch {
	case err == nil:
		o.note(ctx, "client deleted", slog.String("client_id", id))
	case !errors.Is(err, registry.ErrNotFound):
		return err
	}
	// Also when it was deleted before: this may be the next try after ErrUndelivered.
	if undelivered := o.Relay.deliver(ctx); undelivered != nil {
		return undelivered
	}
	return err
}

// NewSecret gives the client a new secret, which cannot be seen again; the old one is void at once. registry.ErrNotFound,
// and an *InvalidError for a public client, which has none.
func (o *Operator) NewSecret(ctx context.Context, id string) (secret string, err error) {
	client, err := o.Registry.Client(ctx, id)
	if err != nil {
		return "", err
	}
	if client.Public {
		return "", &InvalidError{Problems: []error{errPublicSecret}}
	}
	secret = NewSecret()
	if err := o.by().SetClientSecret(ctx, id, HashGenerated(secret)); err != nil {
		return "", err
	}
	o.note(ctx, "client secret replaced", slog.String("client_id", id))
	return secret, nil
}
