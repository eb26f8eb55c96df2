package registry

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Connection is a client to which a user has given access: what the live grants of the two have in common.
type Connection struct {
	ClientID string `bun:"client_id"`
	Name     string `bun:"name"`
	URL      string `bun:"url"`
	ImageURL string `bun:"image_url"`
	// Fingerprint is that of the client: empty, unless it came by its metadata document.
	Fingerprint string `bun:"fingerprint"`
	// RedirectURI is where the code of the newest of the grants was sent.
	RedirectURI string `bun:"redirect_uri"`
	// Since is when the oldest of the grants was made.
	Since time.Time `bun:"since"`
	// LastUsedOn is the latest Grant.LastUsedOn of any of the grants; zero: none of them was used.
	LastUsedOn time.Time `bun:"last_used_on,nullzero"`
	// Scopes are those of any of the grants, each once, sorted. So are Resources, of which "" is the server itself.
	Scopes, Resources []string `bun:"-"`
}

// connectionRow is a connection with one of its scopes or resources.
type connectionRow struct {
	Connection
	IsScope bool   `bun:"is_scope"`
	Value   string `bun:"value"`
}

// connectionsQuery counts on the database for what many grants have in common: a user may have any number of them. A list
// of scopes or resources is jsonb in Postgres and text in SQLite.
const (
	connectionsQuery = `WITH live AS (
	SELECT id, client_id, scopes, resources, redirect_uri, created_at, last_used_on FROM grants
	WHERE subject = ?1 AND ended_at IS NULL AND access_expires_at IS NOT NULL
), newest AS (
	SELECT id, client_id, redirect_uri, created_at, since, last_used_on FROM (
		SELECT id, client_id, redirect_uri, created_at, min(created_at) OVER (PARTITION BY client_id) AS since,
			max(last_used_on) OVER (PARTITION BY client_id) AS last_used_on,
			row_number() OVER (PARTITION BY client_id ORDER BY created_at DESC, id) AS place FROM live
	) AS ranked WHERE place = 1
), named AS (
	SELECT client_id, TRUE AS is_scope, element.value AS value FROM live, ?0(live.scopes) AS element
	UNION SELECT client_id, FALSE, coalesce(element.value, '') FROM live LEFT JOIN ?0(live.resources) AS element ON TRUE
)
SELECT c.id AS client_id, c.name, c.url, c.image_url, c.fingerprint, newest.redirect_uri, newest.since, newest.last_used_on, named.is_scope, named.value
FROM newest JOIN clients AS c ON c.id = newest.client_id AND c.deleted_at IS NULL AND c.disabled_at IS NULL
JOIN named ON named.client_id = newest.client_id
ORDER BY newest.created_at DESC, newest.id`
	elementsPostgres = "jsonb_array_elements_text"
	elementsSQLite   = "json_each"
)

// ConnectionsOf returns the clients to which the subject has live grants whose code was redeemed, the one with the newest
// grant first. What is read into memory grows with the clients, their scopes and their resources, not with the grants.
func (r *Registry) ConnectionsOf(ctx context.Context, subject string) ([]Connection, error) {
	if err := checkText(subject); err != nil {
		return nil, err
	}
	elements := elementsSQLite
	if r.onPostgres() {
		elements = elementsPostgres
	}
	var rows []connectionRow
	err := r.run(ctx, "list connections", func(ctx context.Context) error {
		rows = nil
		return r.db.NewRaw(connectionsQuery, bun.Safe(elements), subject).Scan(ctx, &rows)
	})
	var connections []Connection
	for _, row := range rows {
		if last := len(connections) - 1; last < 0 || connections[last].ClientID != row.ClientID {
			connections = append(connections, row.Connection)
		}
		if c := &connections[len(connections)-1]; row.IsScope {
			c.Scopes = append(c.Scopes, row.Value)
		} else {
			c.Resources = append(c.Resources, row.Value)
		}
	}
	for i, c := range connections {
		connections[i].Since, connections[i].LastUsedOn = c.Since.UTC(), c.LastUsedOn.UTC()
		slices.Sort(c.Scopes)
		slices.Sort(c.Resources)
	}
	return connections, err
}

// LiveGrants returns the newest of the grants that the subject gave the client, of those that have not ended and whose code was
// redeemed, at most so many, the newest first.
func (r *Registry) LiveGrants(ctx context.Context, subject, clientID string, most int) ([]Grant, error) {
	if err := checkText(subject, clientID); err != nil {
		return nil, err
	}
	var rows []grantRow
	err := r.run(ctx, "list live grants", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&rows).
			Where("subject = ?", subject).Where("client_id = ?", clientID).
			Where("ended_at IS NULL").Where("access_expires_at IS NOT NULL").
			Order("created_at DESC", "id").Limit(int64(most)).Scan(ctx)
	})
	grants := make([]Grant, len(rows))
	for i := range rows {
		grants[i] = rows[i].grant()
	}
	return grants, err
}
