package admin

import (
	"context"
	"errors"
	"log/slog"

	"gatehouse/authz/client"
	"gatehouse/authz/client/document"
	"gatehouse/authz/outbox"
	"gatehouse/registry"
)

// CreateClient registers a client and returns it with its secret, which cannot be seen again; "" for one that is public or has keys.
// registry.ErrExists when the chosen ID is taken, also by a client that was deleted.
func (o *Operator) CreateClient(ctx context.Context, settings client.Settings) (_ registry.Client, secret string, err error) {
	if err := settings.Check(o.Scopes); err != nil {
		return registry.Client{}, "", err
	}
	created, secret, err := settings.New()
	if err != nil {
		return registry.Client{}, "", err
	}
	created.CreatedAt = clock(o.Now)().UTC()
	created.UpdatedAt = created.CreatedAt
	if err := o.by().CreateClient(ctx, created); err != nil {
		return registry.Client{}, "", err
	}
	o.note(ctx, "client created", slog.String("client_id", created.ID), slog.Bool("public", created.Public))
	return created, secret, nil
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
func (o *Operator) UpdateClient(ctx context.Context, id string, change client.Change) (registry.Client, error) {
	if err := change.Check(o.Scopes); err != nil {
		return registry.Client{}, err
	}
	changed, err := o.by().UpdateClient(ctx, id, func(now *registry.Client) error { // as others have changed it meanwhile
		switch {
		case now.RegisteredItself():
			return &client.InvalidError{Problems: []error{errRegisteredItself}}
		case now.Fingerprint != "":
			return &client.InvalidError{Problems: []error{errDescribed}}
		}
		return change.Apply(now)
	})
	if err != nil {
		return registry.Client{}, err
	}
	o.note(ctx, "client updated", slog.String("client_id", id))
	return changed, nil
}

var (
	errDescribed        = errors.New("the client is what its metadata document says, which only its makers change")
	errRegisteredItself = errors.New("the client is what it has registered itself as, which only it changes")
)

// disable disables the client for good. One that could come by its metadata document need not have come yet.
func (o *Operator) disable(ctx context.Context, id string) error {
	err := o.by().DisableClient(ctx, id, o.lastExpiry())
	if !errors.Is(err, registry.ErrNotFound) || !document.IsURL(id) {
		return err
	}
	err = o.by().CreateClient(ctx, registry.Client{ID: id, Name: id, Public: true, Fingerprint: neverShown})
	if err != nil && !errors.Is(err, registry.ErrExists) {
		return err
	}
	return o.by().DisableClient(ctx, id, o.lastExpiry())
}

// neverShown is the fingerprint of a client that nobody was shown.
const neverShown = "never shown"

// DeleteClient removes the client for good and denies every token it holds. It returns nil when every gateway knows, but for
// those that are unconfirmed, and registry.ErrNotFound for a client that was deleted before only when they know of that.
func (o *Operator) DeleteClient(ctx context.Context, id string) (unconfirmed int, err error) {
	err = o.by().DeleteClient(ctx, id, o.lastExpiry())
	switch {
	case err == nil:
		o.note(ctx, "client deleted", slog.String("client_id", id))
	case !errors.Is(err, registry.ErrNotFound):
		return 0, err
	}
	// Also when it was deleted before: this may be the next try after ErrUndelivered.
	unconfirmed, undelivered := o.Relay.Confirm(ctx, outbox.RevokedClient(id))
	if undelivered != nil {
		return 0, undelivered
	}
	return unconfirmed, err
}

// NewSecret gives the client a new secret, which cannot be seen again; the old one is void at once. registry.ErrNotFound,
// and a *client.InvalidError for a client that is public or has keys: it has none.
func (o *Operator) NewSecret(ctx context.Context, id string) (secret string, err error) {
	known, err := o.Registry.Client(ctx, id)
	if err != nil {
		return "", err
	}
	switch {
	case known.Public:
		return "", &client.InvalidError{Problems: []error{client.ErrPublicSecret}}
	case known.HasKeys():
		return "", &client.InvalidError{Problems: []error{client.ErrKeysSecret}}
	}
	secret = client.NewSecret()
	if err := o.by().SetClientSecret(ctx, id, client.HashGenerated(secret)); err != nil {
		return "", err
	}
	o.note(ctx, "client secret replaced", slog.String("client_id", id))
	return secret, nil
}
