package predecessor_test

import (
	"database/sql"
	"fmt"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"
)

const sourceClients = 1000

// source is a database as an oauth2server leaves it: a thousand clients, each with a user's grant. The tables are those that
// were found in one; ids and secrets have the form of those that it draws.
type source struct {
	url string
	db  *sql.DB
}

func newSource(t *testing.T, url string) source {
	t.Helper()
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s := source{url, db}
	for _, statement := range []string{
		`CREATE TABLE oauth2_clients (id text PRIMARY KEY, secret varchar(512), domain varchar(512), data text,
			created_at timestamptz, updated_at timestamptz, deleted_at timestamptz)`,
		`CREATE TABLE oauth2_tokens (id bigserial PRIMARY KEY, created_at timestamptz, updated_at timestamptz, deleted_at timestamptz,
			expires_at timestamptz, code varchar(512), access varchar(512), refresh varchar(512), client_id varchar(512),
			user_id varchar(512), scope varchar(512), redirect_uri varchar(512), data text)`,
		`CREATE TABLE client_meta_data (id bigserial PRIMARY KEY, created_at timestamptz, updated_at timestamptz, deleted_at timestamptz,
			client_id text, name text, image_url text, url text)`,
		fmt.Sprintf(`INSERT INTO oauth2_clients SELECT id, secret, 'http://localhost:8080',
			json_build_object('ID', id, 'Secret', secret, 'Domain', 'http://localhost:8080', 'UserID', '')::text, now(), now(), NULL
			FROM (SELECT 'Client' || lpad(n::text, 4, '0') AS id, 'SecretOfClient' || lpad(n::text, 6, '0') AS secret
				FROM generate_series(1, %d) n) drawn`, sourceClients),
		fmt.Sprintf(`INSERT INTO client_meta_data (created_at, updated_at, client_id, name, image_url, url)
			SELECT now(), now(), 'Client' || lpad(n::text, 4, '0'), 'Application ' || n, '/images/' || n || '.png', 'https://app.example/' || n
			FROM generate_series(1, %d) n`, sourceClients),
	} {
		s.exec(t, statement)
	}
	for n := 1; n <= sourceClients; n++ {
		s.give(t, n, fmt.Sprintf("REFRESH%d", n))
	}
	return s
}

// give makes the tokens of a grant of user n to client n. An earlier one of theirs is gone, as after a refresh.
func (s source) give(t *testing.T, n int, refresh string) {
	t.Helper()
	s.exec(t, `DELETE FROM oauth2_tokens WHERE client_id = 'Client' || lpad($1::int::text, 4, '0')`, n)
	s.exec(t, `WITH given AS (SELECT 'Client' || lpad($1::int::text, 4, '0') AS client, (10000 + $1::int)::text AS who, 'ACCESS' || $2::text AS access, $2::text AS refresh,
			'balance:read' AS scope, 'http://localhost:8080/callback' AS redirect)
		INSERT INTO oauth2_tokens (created_at, updated_at, expires_at, code, access, refresh, client_id, user_id, scope, redirect_uri, data)
		SELECT now(), now(), now() + interval '30 days', '', access, refresh, client, who, scope, redirect, json_build_object(
			'ClientID', client, 'UserID', who, 'RedirectURI', redirect, 'Scope', scope, 'Code', '', 'CodeChallenge', '',
			'CodeChallengeMethod', '', 'CodeCreateAt', '0001-01-01T00:00:00Z', 'CodeExpiresIn', 0,
			'Access', access, 'AccessCreateAt', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'AccessExpiresIn', 7200000000000,
			'Refresh', refresh, 'RefreshCreateAt', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'RefreshExpiresIn', 2592000000000000)::text
		FROM given`, n, refresh)
}

func (s source) exec(t *testing.T, statement string, arguments ...any) {
	t.Helper()
	_, err := s.db.ExecContext(t.Context(), statement, arguments...)
	require.NoError(t, err)
}

// contents is a digest of all that an oauth2server would find.
func (s source) contents(t *testing.T) (digest string) {
	t.Helper()
	require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT
		(SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM oauth2_clients c) ||
		(SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM oauth2_tokens t) ||
		(SELECT md5(string_agg(m::text, '|' ORDER BY id)) FROM client_meta_data m)`).Scan(&digest))
	return digest
}
