package registry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Client is an application that may ask for access (RFC 6749 section 2).
type Client struct {
	ID            string   `bun:"id,pk"`
	Name          string   `bun:"name"`
	URL           string   `bun:"url"` // landing page
	ImageURL      string   `bun:"image_url"`
	Domain        string   `bun:"domain"` // callback domain, for clients without exact redirect URIs
	RedirectURIs  []string `bun:"redirect_uris,nullzero"`
	Scopes        []string `bun:"scopes,nullzero"`         // empty: every scope of the routes
	DefaultScopes []string `bun:"default_scopes,nullzero"` // empty: a request has to name its scopes
	// RequiredScopes are those that a user who allows the client cannot leave out, where it asks for them.
	RequiredScopes []string `bun:"required_scopes,nullzero"`
	GrantTypes     []string `bun:"grant_types,nullzero"`
	Public         bool     `bun:"public"`
	DPoPBound      bool     `bun:"dpop_bound"`  // all of its access tokens are bound to a key (RFC 9449 section 5.2)
	PushedOnly     bool     `bun:"pushed_only"` // it has to send its authorization requests ahead (RFC 9126 section 6)
	SecretHash     string   `bun:"secret_hash"` // opaque here; empty: no secret
	// Keys is the JSON Web Key Set of a client that signs who it is (private_key_jwt), KeysURL where that is instead. Such a client is
	// not public and has no secret.
	Keys    string `bun:"jwks"`
	KeysURL string `bun:"jwks_uri"`
	// SigningAlg is the one algorithm that such a client signs with; empty: any that its keys are good for.
	SigningAlg string `bun:"signing_alg"`
	// Fingerprint is that of what a client says about itself that nobody here has registered: of its metadata document, as a user last
	// saw it who allowed the client something, or of its own registration. Empty: an operator has registered the client.
	Fingerprint string `bun:"fingerprint"`
	// KeptUntil is until when a client that has registered itself stays without a grant; zero: it has not.
	KeptUntil  time.Time `bun:"kept_until,nullzero"`
	CreatedAt  time.Time `bun:"created_at"`
	UpdatedAt  time.Time `bun:"updated_at"`
	DisabledAt time.Time `bun:"disabled_at,nullzero"` // zero: it may be used
}

// Disabled reports whether the client was disabled: nothing more may be minted for
// it, and there is no way back.
func (c Client) Disabled() bool { return !c.DisabledAt.IsZero() }

// RegisteredItself reports whether the client has (RFC 7591): Registration has more of it.
func (c Client) RegisteredItself() bool { return !c.KeptUntil.IsZero() }

// HasKeys reports whether the client proves who it is by signing, and in no other way.
func (c Client) HasKeys() bool { return c.Keys != "" || c.KeysURL != "" }

type clientRow struct {
	bun.BaseModel `bun:"table:clients,alias:c"`
	Client
	DeletedAt time.Time `bun:"deleted_at,nullzero"`
}

func (row *clientRow) client() Client {
	c := row.Client
	c.CreatedAt, c.UpdatedAt, c.DisabledAt, c.KeptUntil = c.CreatedAt.UTC(), c.UpdatedAt.UTC(), c.DisabledAt.UTC(), c.KeptUntil.UTC()
	return c
}

// clone is a copy that does not change with the client.
func (c Client) clone() Client {
	for _, list := range []*[]string{&c.RedirectURIs, &c.Scopes, &c.DefaultScopes, &c.RequiredScopes, &c.GrantTypes} {
		*list = slices.Clone(*list)
	}
	return c
}

// differences names the fields that are not as they were before.
func (c Client) differences(before Client) (names []string) {
	for _, field := range []struct {
		name string
		same bool
	}{
		{"name", c.Name == before.Name},
		{"url", c.URL == before.URL},
		{"image_url", c.ImageURL == before.ImageURL},
		{"domain", c.Domain == before.Domain},
		{"redirect_uris", slices.Equal(c.RedirectURIs, before.RedirectURIs)},
		{"scopes", slices.Equal(c.Scopes, before.Scopes)},
		{"default_scopes", slices.Equal(c.DefaultScopes, before.DefaultScopes)},
		{"required_scopes", slices.Equal(c.RequiredScopes, before.RequiredScopes)},
		{"grant_types", slices.Equal(c.GrantTypes, before.GrantTypes)},
		{"public", c.Public == before.Public},
		{"dpop_bound", c.DPoPBound == before.DPoPBound},
		{"pushed_only", c.PushedOnly == before.PushedOnly},
		{"secret", c.SecretHash == before.SecretHash},
		{"jwks", c.Keys == before.Keys},
		{"jwks_uri", c.KeysURL == before.KeysURL},
		{"signing_alg", c.SigningAlg == before.SigningAlg},
	} {
		if !field.same {
			names = append(names, field.name)
		}
	}
	return names
}

func (c *Client) check() error {
	lists := slices.Concat(c.RedirectURIs, c.Scopes, c.DefaultScopes, c.RequiredScopes, c.GrantTypes)
	return errors.Join(
		checkIDs(c.ID),
		checkText(c.Name, c.URL, c.ImageURL, c.Domain, c.SecretHash, c.Fingerprint, c.Keys, c.KeysURL, c.SigningAlg),
		checkText(lists...),
		checkTimes(c.CreatedAt),
	)
}

// CreateClient stores a new client. A zero CreatedAt becomes now, UpdatedAt
// always does; DisabledAt and KeptUntil are ignored. ErrExists when the ID is taken, also by a
// deleted client.
func (r *Registry) CreateClient(ctx context.Context, c Client) error {
	c.UpdatedAt, c.DisabledAt, c.KeptUntil = r.clock(), time.Time{}, time.Time{}
	if c.CreatedAt.IsZero() {
		c.CreatedAt = c.UpdatedAt
	}
	if err := c.check(); err != nil {
		return err
	}
	return r.inTx(ctx, "create client", func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewInsert().Model(&clientRow{Client: c}).
			On("CONFLICT (id) DO NOTHING").Returning("NULL").Exec(ctx)
		if err := orElse(ErrExists, result, err); err != nil {
			return err
		}
		return r.record(ctx, tx, "client.create", c.ID, c.Name)
	})
}

// Client returns the client, also a disabled one, or ErrNotFound when there is
// none or it was deleted.
func (r *Registry) Client(ctx context.Context, id string) (Client, error) {
	if err := checkText(id); err != nil {
		return Client{}, err
	}
	var row clientRow
	err := r.run(ctx, "read client", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&row).Where("id = ?", id).Where("deleted_at IS NULL").Scan(ctx)
	})
	return row.client(), err
}

// Clients returns every client that was not deleted, disabled ones included,
// oldest first.
func (r *Registry) Clients(ctx context.Context) ([]Client, error) {
	var rows []clientRow
	err := r.run(ctx, "list clients", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&rows).Where("deleted_at IS NULL").Order("created_at", "id").Scan(ctx)
	})
	clients := make([]Client, len(rows))
	for i := range rows {
		clients[i] = rows[i].client()
	}
	return clients, err
}

// UpdateClient reads a client, changes it and writes it in one transaction, and
// returns what is stored. Changes to ID, Fingerprint and the times are ignored. Nothing is
// written when nothing else was changed, or when change returns an error, which is
// returned as it is. change is called inside the transaction, which may hold the
// only connection, and so must not call the registry. ErrNotFound.
func (r *Registry) UpdateClient(ctx context.Context, id string, change func(*Client) error) (Client, error) {
	if err := checkText(id); err != nil {
		return Client{}, err
	}
	defer r.clientChanged(id)
	var row clientRow
	var refused error
	err := r.inTx(ctx, "update client", func(ctx context.Context, tx bun.Tx) error {
		err := r.locking(tx.NewSelect().Model(&row), "NO KEY UPDATE").
			Where("id = ?", id).Where("deleted_at IS NULL").Scan(ctx)
		if err != nil {
			return err
		}
		before := row.clone()
		if refused = change(&row.Client); refused != nil {
			return refused
		}
		row.ID, row.CreatedAt, row.UpdatedAt, row.DisabledAt = before.ID, before.CreatedAt, r.clock(), before.DisabledAt
		row.Fingerprint, row.KeptUntil = before.Fingerprint, before.KeptUntil
		names := row.differences(before)
		if len(names) == 0 {
			row.Client = before
			return nil
		}
		if err := row.check(); err != nil {
			return err
		}
		if _, err = tx.NewUpdate().Model(&row).WherePK().Exec(ctx); err != nil {
			return err
		}
		return r.record(ctx, tx, "client.update", id, strings.Join(names, ", "))
	})
	switch {
	case refused != nil:
		return Client{}, refused
	case err != nil:
		return Client{}, err
	}
	return row.client(), nil
}

// SetClientSecret replaces the hash of the client's secret. ErrNotFound.
func (r *Registry) SetClientSecret(ctx context.Context, id, hash string) error {
	if err := checkText(id, hash); err != nil {
		return err
	}
	defer r.clientChanged(id)
	return r.inTx(ctx, "set client secret", func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewUpdate().Model((*clientRow)(nil)).
			Set("secret_hash = ?", hash).Set("updated_at = ?", r.clock()).
			Where("id = ?", id).Where("deleted_at IS NULL").Exec(ctx)
		if err := orElse(ErrNotFound, result, err); err != nil {
			return err
		}
		return r.record(ctx, tx, "client.secret", id, "")
	})
}

// locking makes a query lock the rows that it reads until the transaction ends.
// SQLite needs no locks: a transaction there has the database to itself.
func (r *Registry) locking(q *bun.SelectQuery, strength string) *bun.SelectQuery {
	if r.onPostgres() {
		q.For(strength)
	}
	return q
}
