package oauth2server

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Client is a client as oauth2server keeps it.
type Client struct {
	ID     string
	Secret string // as it is; empty for a public client
	// Domain is what redirect URIs are compared with: its scheme and its host, whose labels can be *.
	Domain string

	Name, ImageURL, URL string // empty where oauth2server has no description of the client
	CreatedAt           time.Time

	// Redirects are URIs to which codes were sent, for a client whose domain is no web address, or one that is refused here:
	// those of tokens that live first, and of each kind the latest first. A client here can have MaxRedirects of them.
	Redirects []string
}

// clientsQuery takes the first of several descriptions, as oauth2server does.
const clientsQuery = `SELECT c.id, COALESCE(c.secret, ''), COALESCE(c.domain, ''), COALESCE(c.data::text, ''), c.created_at,
	COALESCE(m.name, ''), COALESCE(m.image_url, ''), COALESCE(m.url, '')
FROM oauth2_clients AS c LEFT JOIN LATERAL (
	SELECT name, image_url, url FROM client_meta_data WHERE client_id = c.id AND deleted_at IS NULL ORDER BY id LIMIT 1
) AS m ON true
WHERE c.deleted_at IS NULL ORDER BY c.created_at, c.id`

// Clients returns every client, the oldest first. The time says which tokens live.
func (s *Source) Clients(ctx context.Context, at time.Time) ([]Client, error) {
	rows, err := s.tx.Query(ctx, clientsQuery)
	if err != nil {
		return nil, fmt.Errorf("read clients of oauth2server: %w", err)
	}
	clients, err := pgx.CollectRows(rows, readClient)
	if err != nil {
		return nil, fmt.Errorf("read clients of oauth2server: %w", err)
	}
	return clients, s.addRedirects(ctx, clients, at)
}

func readClient(row pgx.CollectableRow) (c Client, err error) {
	var created *time.Time
	var data string
	if err := row.Scan(&c.ID, &c.Secret, &c.Domain, &data, &created, &c.Name, &c.ImageURL, &c.URL); err != nil {
		return c, err
	}
	if created != nil {
		c.CreatedAt = created.UTC()
	}
	// oauth2server goes by data; the columns beside it are for people.
	var counts struct{ Secret, Domain *string }
	if json.Unmarshal([]byte(data), &counts) == nil {
		if counts.Secret != nil {
			c.Secret = *counts.Secret
		}
		if counts.Domain != nil {
			c.Domain = *counts.Domain
		}
	}
	return c, nil
}

// MaxRedirects is how many redirect URIs a client can have here.
const MaxRedirects = 100

// redirectsQuery puts those first that nobody can miss. oauth2server keeps tokens that have expired for a minute, and as long as it is
// stopped.
const redirectsQuery = `SELECT client_id, redirect_uri FROM oauth2_tokens
WHERE client_id = ANY($1) AND redirect_uri <> '' AND deleted_at IS NULL
GROUP BY 1, 2 ORDER BY 1, bool_or(expires_at > $2 AND (access <> '' OR refresh <> '')) DESC, max(id) DESC`

// addRedirects looks for the redirect URIs in use of the clients that cannot keep their domain.
func (s *Source) addRedirects(ctx context.Context, clients []Client, at time.Time) error {
	of := map[string]*Client{}
	var ids []string
	for i := range clients {
		if c := &clients[i]; !c.keepsDomain() {
			of[c.ID], ids = c, append(ids, c.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := s.tx.Query(ctx, redirectsQuery, ids, at)
	if err != nil {
		return fmt.Errorf("read redirect URIs of oauth2server: %w", err)
	}
	var id, redirect string
	_, err = pgx.ForEachRow(rows, []any{&id, &redirect}, func() error {
		if c := of[id]; c.admits(redirect) {
			c.Redirects = append(c.Redirects, redirect)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read redirect URIs of oauth2server: %w", err)
	}
	return nil
}
