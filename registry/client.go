package registry

import (
	"context"
	"time"
)

// Client is an application that may ask for access (RFC 6749 section 2).
type Client struct {
	ID           string    `bun:"id,pk"`
	Name         string    `bun:"name"`
	URL          string    `bun:"url"`       // landing page
	ImageURL     string    `bun:"image_url"` //
	Domain       string    `bun:"domain"`    // callback domain of clients without exact redirect URIs
	RedirectURIs []string  `bun:"redirect_uris"`
	Scopes       []string  `bun:"scopes"` // empty: every scope of the routes
	GrantTypes   []string  `bun:"grant_types"`
	Public       bool      `bun:"public"`
	SecretHash   string    `bun:"secret_hash"` // opaque here; empty: no secret
	CreatedAt    time.Time `bun:"created_at"`
	UpdatedAt    time.Time `bun:"updated_at"`
}

// CreateClient stores a new client. A zero CreatedAt becomes now, UpdatedAt
// always does. ErrExists when the ID is taken, also by a deleted client.
func (r *Registry) CreateClient(ctx context.Context, c Client) error { return errStub }

// Client returns the client, or ErrNotFound when there is none or it was deleted.
func (r *Registry) Client(ctx context.Context, id string) (Client, error) { return Client{}, errStub }

// Clients returns every client that was not deleted, oldest first.
func (r *Registry) Clients(ctx context.Context) ([]Client, error) { return nil, errStub }

// UpdateClient changes a client by read-modify-write in one transaction and
// returns what was stored. Changes to ID, CreatedAt and UpdatedAt are ignored.
// The change must not call the registry: it holds a connection.
func (r *Registry) UpdateClient(ctx context.Context, id string, change func(*Client)) (Client, error) {
	return Client{}, errStub
}

// SetClientSecret replaces the hash of the client's secret. ErrNotFound.
func (r *Registry) SetClientSecret(ctx context.Context, id, hash string) error { return errStub }

// DeleteClient removes the client for good, ends each of its grants (reason
// "client_deleted") and revokes the client until denyUntil, or until the last
// access token minted under one of its grants has expired if that is later; all
// in one transaction. denyUntil must cover the tokens that have no grant
// (client_credentials). ErrNotFound.
func (r *Registry) DeleteClient(ctx context.Context, id string, denyUntil time.Time) error {
	return errStub
}
