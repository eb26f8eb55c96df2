package sourcetest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry/registrytest"
)

// schema is what oauth2server makes when it starts.
const schema = `
CREATE TABLE oauth2_clients (id text PRIMARY KEY, secret varchar(512), domain varchar(512), data text,
	created_at timestamptz, updated_at timestamptz, deleted_at timestamptz);
CREATE INDEX idx_oauth2_clients_deleted_at ON oauth2_clients (deleted_at);
CREATE TABLE oauth2_tokens (id bigserial PRIMARY KEY, created_at timestamptz, updated_at timestamptz, deleted_at timestamptz,
	expires_at timestamptz, code varchar(512), access varchar(512), refresh varchar(512), client_id varchar(512),
	user_id varchar(512), scope varchar(512), redirect_uri varchar(512), data text);
CREATE INDEX idx_oauth2_tokens_deleted_at ON oauth2_tokens (deleted_at);
CREATE TABLE client_meta_data (id bigserial PRIMARY KEY, created_at timestamptz, updated_at timestamptz, deleted_at timestamptz,
	client_id text, name text, image_url text, url text);
CREATE INDEX idx_client_meta_data_deleted_at ON client_meta_data (deleted_at);`

// Database is one of oauth2server.
type Database struct {
	// URL is what oauth2server calls DATABASE_URI.
	URL string

	t  testing.TB
	db *sql.DB
}

// New makes a database without clients on the tests' Postgres. Without TEST_POSTGRES_URL the test is skipped.
func New(t testing.TB) *Database {
	t.Helper()
	d := &Database{URL: registrytest.PostgresDatabase(t), t: t}
	var err error
	d.db, err = sql.Open("pgx", d.URL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.db.Close()) })
	d.Exec(schema)
	return d
}

// Exec runs a statement.
func (d *Database) Exec(statement string, args ...any) {
	d.t.Helper()
	_, err := d.db.ExecContext(d.t.Context(), statement, args...)
	require.NoError(d.t, err, statement)
}

// Client is a row of oauth2_clients, with its description. Without a secret it is public.
type Client struct{ ID, Secret, Domain, Name, ImageURL, URL string }

// AddClient registers a client as POST /admin/clients does.
func (d *Database) AddClient(c Client) {
	d.t.Helper()
	now := time.Now()
	d.Exec(`INSERT INTO oauth2_clients (id, secret, domain, data, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)`,
		c.ID, c.Secret, c.Domain, d.json(map[string]any{"ID": c.ID, "Secret": c.Secret, "Domain": c.Domain, "UserID": ""}), now)
	d.Exec(`INSERT INTO client_meta_data (created_at, updated_at, client_id, name, image_url, url) VALUES ($1, $1, $2, $3, $4, $5)`,
		now, c.ID, c.Name, c.ImageURL, c.URL)
}

// Token is a row of oauth2_tokens that holds what a client has got. Durations are from Issued on.
type Token struct {
	Client, User, Redirect, Scope string
	Access, Refresh               string
	AccessFor, RefreshFor         time.Duration
	Issued                        time.Time // now when zero
}

// AddToken stores a pair of tokens as the token endpoint does.
func (d *Database) AddToken(token Token) (id int64) {
	d.t.Helper()
	if token.Issued.IsZero() {
		token.Issued = time.Now()
	}
	lasts := token.AccessFor
	if token.Refresh != "" {
		if lasts >= token.RefreshFor {
			token.RefreshFor = token.AccessFor
		}
		lasts = token.RefreshFor
	}
	data := d.json(map[string]any{
		"ClientID": token.Client, "UserID": token.User, "RedirectURI": token.Redirect, "Scope": token.Scope,
		"Code": "", "CodeChallenge": "", "CodeChallengeMethod": "", "CodeCreateAt": time.Time{}, "CodeExpiresIn": 0,
		"Access": token.Access, "AccessCreateAt": token.Issued, "AccessExpiresIn": token.AccessFor.Nanoseconds(),
		"Refresh": token.Refresh, "RefreshCreateAt": token.Issued, "RefreshExpiresIn": token.RefreshFor.Nanoseconds(),
	})
	err := d.db.QueryRowContext(d.t.Context(), `INSERT INTO oauth2_tokens
		(created_at, updated_at, expires_at, code, access, refresh, client_id, user_id, scope, redirect_uri, data)
		VALUES ($1, $1, $2, '', $3, $4, $5, $6, $7, $8, $9) RETURNING id`,
		token.Issued, token.Issued.Add(lasts), token.Access, token.Refresh, token.Client, token.User, token.Scope, token.Redirect, data).Scan(&id)
	require.NoError(d.t, err)
	return id
}

// Refreshed empties a row as a refresh does, whose new tokens are in a row of their own.
func (d *Database) Refreshed(id int64) {
	d.t.Helper()
	d.Exec("UPDATE oauth2_tokens SET access = '', refresh = '', updated_at = now() WHERE id = $1", id)
}

// Fill makes so many clients with secrets as oauth2server draws them, and tokens of a user each; client-0 has the ID and secret
// that ClientOf(0) says.
func (d *Database) Fill(clients, tokens int) {
	d.t.Helper()
	d.Exec(`INSERT INTO oauth2_clients (id, secret, domain, data, created_at, updated_at)
		SELECT id, secret, domain, json_build_object('ID', id, 'Secret', secret, 'Domain', domain, 'UserID', '')::text, now(), now()
		FROM (SELECT 'Client' || lpad(i::text, 4, '0') AS id, 'Secret0000000000' || lpad(i::text, 4, '0') AS secret,
			'https://app' || i || '.example' AS domain FROM generate_series(0, $1::int - 1) AS i) AS made`, clients)
	d.Exec(`INSERT INTO client_meta_data (created_at, updated_at, client_id, name, image_url, url)
		SELECT now(), now(), id, 'App ' || id, '', '' FROM oauth2_clients`)
	d.Exec(`INSERT INTO oauth2_tokens (created_at, updated_at, expires_at, code, access, refresh, client_id, user_id, scope, redirect_uri, data)
		SELECT now(), now(), now() + interval '30 days', '', access, refresh, client, usr, scope, uri, json_build_object(
			'ClientID', client, 'UserID', usr, 'RedirectURI', uri, 'Scope', scope, 'Code', '', 'CodeChallenge', '',
			'CodeChallengeMethod', '', 'CodeCreateAt', '0001-01-01T00:00:00Z', 'CodeExpiresIn', 0,
			'Access', access, 'AccessCreateAt', now(), 'AccessExpiresIn', 7200000000000,
			'Refresh', refresh, 'RefreshCreateAt', now(), 'RefreshExpiresIn', 2592000000000000)::text
		FROM (SELECT 'A' || upper(md5('access' || i)) AS access, 'R' || upper(md5('refresh' || i)) AS refresh,
			'Client' || lpad((i % $1::int)::text, 4, '0') AS client, (i / 3)::text AS usr,
			'balance:read invoices:create' AS scope, 'https://app' || i % $1::int || '.example/cb' AS uri
			FROM generate_series(0, $2::int - 1) AS i) AS made`, clients, tokens)
}

// Checksum is the same as long as no row was changed.
func (d *Database) Checksum() (sum string) {
	d.t.Helper()
	for _, table := range []string{"oauth2_clients", "oauth2_tokens", "client_meta_data"} {
		var one string
		err := d.db.QueryRowContext(d.t.Context(), fmt.Sprintf(
			"SELECT count(*) || ':' || COALESCE(md5(string_agg(r::text, '|' ORDER BY r.id)), '') FROM %s AS r", table)).Scan(&one)
		require.NoError(d.t, err)
		sum += table + "=" + one + " "
	}
	return sum
}

func (d *Database) json(value any) string {
	d.t.Helper()
	text, err := json.Marshal(value)
	require.NoError(d.t, err)
	return string(text)
}
