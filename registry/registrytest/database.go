package registrytest

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"
)

// Memory is the URL of a new SQLite database that one registry alone can open.
const Memory = "sqlite::memory:"

// SQLite returns the URL of a new SQLite file, which any number of registries can open.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db")
}

// Postgres returns the URL of a new, empty schema on the tests' Postgres. The schema is dropped when the test ends. Without
// TEST_POSTGRES_URL the test is skipped.
func Postgres(t testing.TB) string {
	t.Helper()
	server := postgresServer(t)
	query := server.Query()
	query.Set("search_path", create(t, server, "SCHEMA", "CASCADE"))
	server.RawQuery = query.Encode()
	return server.String()
}

// PostgresDatabase is Postgres with a database instead of a schema, for a test that must not share one: a database takes
// longer to make, but what others do to their tables, or connections that are still open, do not touch it.
func PostgresDatabase(t testing.TB) string {
	t.Helper()
	server := postgresServer(t)
	server.Path = "/" + create(t, server, "DATABASE", "WITH (FORCE)")
	return server.String()
}

func postgresServer(t testing.TB) *url.URL {
	t.Helper()
	address := os.Getenv("TEST_POSTGRES_URL")
	if address == "" {
		t.Skip("TEST_POSTGRES_URL is not set; `make test` starts a Postgres and sets it")
	}
	server, err := url.Parse(address)
	require.NoError(t, err)
	return server
}

// create makes a SCHEMA or DATABASE with a name of its own, and drops it in the given manner when the test ends.
func create(t testing.TB, server *url.URL, kind, manner string) (name string) {
	t.Helper()
	name = "test_" + strings.ToLower(rand.Text())
	db, err := sql.Open("pgx", server.String())
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "CREATE "+kind+" "+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.Exec("DROP " + kind + " " + name + " " + manner)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
	return name
}
