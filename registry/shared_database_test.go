package registry_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// What is in the database's schema public: each column, index and row.
func public(t *testing.T, database string) (contents []string) {
	t.Helper()
	r := connect(t, inSchema(database, "public"), registry.WithPoolSize(1))
	list := func(query string, arguments ...any) (found []string) {
		require.NoError(t, r.DB().NewRaw(query, arguments...).Scan(t.Context(), &found))
		return found
	}
	contents = append(list("SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1"),
		list("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1")...)
	for _, table := range list("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1") {
		contents = append(contents, list("SELECT '"+table+" ' || row_to_json(it)::text FROM public."+table+" AS it ORDER BY 1")...)
	}
	return contents
}

// inSchema is the URL with a search_path.
func inSchema(database, path string) string {
	return database + "&search_path=" + url.PathEscape(path)
}

func execute(t *testing.T, database string, statements ...string) {
	t.Helper()
	r := connect(t, inSchema(database, "public"), registry.WithPoolSize(1))
	for _, statement := range statements {
		_, err := r.DB().ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
}

// tablesOf are those of a new installation, which has a schema of its own.
func tablesOf(t *testing.T, r *registry.Registry) []string {
	t.Helper()
	found := tables(t, r)
	require.Subset(t, found, []string{"clients", "grants", "signing_keys", "gatehouse_migrations", "gatehouse_migration_locks"})
	return found
}

// restarted is the program's second start: what it stored is there.
func restarted(t *testing.T, database string) {
	t.Helper()
	r := open(t, database)
	require.NoError(t, r.CheckSchema(t.Context()))
	_, err := r.Client(t.Context(), "app")
	require.NoError(t, err)
}

func TestAfterLNDHub(t *testing.T) {
	t.Parallel()
	database := registrytest.PostgresDatabase(t)
	registrytest.StartLNDHub(t, database)
	before := public(t, database)

	r := open(t, database)
	newWorld(t, r, newClock()).redeem()
	tablesOf(t, r)
	require.Equal(t, before, public(t, database), "what is lndhub.go's is as it was")
	restarted(t, database)
	require.Equal(t, before, public(t, database))
	registrytest.StartLNDHub(t, database)
	restarted(t, database)
}

func TestBeforeLNDHub(t *testing.T) {
	t.Parallel()
	database := registrytest.PostgresDatabase(t)
	r := open(t, database)
	newWorld(t, r, newClock()).redeem()
	require.Empty(t, public(t, database))
	ours := tablesOf(t, r)

	registrytest.StartLNDHub(t, database)
	restarted(t, database)
	registrytest.StartLNDHub(t, database)
	require.Equal(t, ours, tables(t, r))
}

// In one schema, because the operator says so, they do not meet either; nor do the tables of oauth2server.
func TestInOneSchemaWithLNDHub(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"lndhub.go", "gatehouse"} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			database := registrytest.PostgresDatabase(t)
			execute(t, database, "CREATE TABLE oauth2_clients (id text)", "CREATE TABLE oauth2_tokens (id text)", "CREATE TABLE client_meta_data (id text)")
			if first == "lndhub.go" {
				registrytest.StartLNDHub(t, database)
			}
			r := open(t, inSchema(database, "public"))
			newWorld(t, r, newClock()).redeem()
			registrytest.StartLNDHub(t, database)
			restarted(t, inSchema(database, "public"))
			restarted(t, database)
			require.Subset(t, tables(t, r), []string{"users", "accounts", "bun_migrations", "clients", "gatehouse_migrations", "oauth2_clients"})
		})
	}
}

// A table of a name that is needed is no obstacle in another schema. In the one that the operator chose it is, and
// nothing is made beside it.
func TestTheNameOfATableIsTaken(t *testing.T) {
	t.Parallel()
	database := registrytest.PostgresDatabase(t)
	execute(t, database, "CREATE TABLE clients (id bigint)", "CREATE TABLE bun_migrations (name text)", "INSERT INTO bun_migrations VALUES ('0001')")
	before := public(t, database)
	err := connect(t, inSchema(database, "public")).Migrate(t.Context())
	require.ErrorIs(t, err, registry.ErrNameTaken)
	require.ErrorContains(t, err, `"clients"`)
	require.NotContains(t, tables(t, connect(t, inSchema(database, "public"))), "grants")

	newWorld(t, open(t, database), newClock()).redeem()
	restarted(t, database)
	require.Subset(t, public(t, database), before)
}

// lndhub.go once worked with SQLite.
func TestAFileOfAnotherProgram(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"with bun":         {"CREATE TABLE bun_migrations (id integer PRIMARY KEY, name text)", "INSERT INTO bun_migrations (name) VALUES ('20220115171101')"},
		"with a like name": {"CREATE TABLE clients (id integer)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := connect(t, registrytest.SQLite(t))
			for _, statement := range statements {
				_, err := r.DB().ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
			require.ErrorIs(t, r.Migrate(t.Context()), registry.ErrNameTaken)
			require.NotContains(t, tables(t, r), "grants")
		})
	}
}

// An operator's role has a place of its own.
func TestThePlaceThatTheOperatorChose(t *testing.T) {
	t.Parallel()
	database := registrytest.PostgresDatabase(t)
	name := strings.TrimPrefix(parsed(t, database).Path, "/")
	execute(t, database, "CREATE SCHEMA lightning", "ALTER DATABASE "+name+" SET search_path = lightning, public")
	registrytest.StartLNDHub(t, inSchema(database, "public"))
	before := public(t, database)
	r := open(t, database)
	newWorld(t, r, newClock())
	var current string
	require.NoError(t, r.DB().NewRaw("SELECT current_schema()").Scan(t.Context(), &current))
	require.Equal(t, "lightning", current)
	tablesOf(t, r)
	restarted(t, database)

	// Whoever asks for no place of its own gets one.
	other := registrytest.PostgresDatabase(t)
	execute(t, other, "ALTER DATABASE "+strings.TrimPrefix(parsed(t, other).Path, "/")+` SET search_path = "$user", public`)
	newWorld(t, open(t, other), newClock())
	require.Empty(t, public(t, other))
	restarted(t, other)
	require.Equal(t, before, public(t, database))
}

// Neither of two installations is taken for the other, and none is begun beside one.
func TestTwoInstallations(t *testing.T) {
	t.Parallel()
	database := registrytest.PostgresDatabase(t)
	newWorld(t, open(t, database), newClock())
	other := open(t, inSchema(database, "public"))
	_, err := other.Client(t.Context(), "app")
	require.ErrorIs(t, err, registry.ErrNotFound, "it is another")
	_, err = registry.Open(t.Context(), database)
	require.ErrorIs(t, err, registry.ErrTwoInstallations)
	restarted(t, inSchema(database, "gatehouse"))
	require.NoError(t, open(t, inSchema(database, "public")).CheckSchema(t.Context()))
}

// Between the look at an empty database and the lock of those who migrate, another process has begun in public.
func TestAnInstallationAppears(t *testing.T) {
	t.Parallel()
	database := registrytest.PostgresDatabase(t)
	r := connect(t, database)
	newWorld(t, open(t, inSchema(database, "public")), newClock())
	require.ErrorContains(t, r.Migrate(t.Context()), "start again")
	restarted(t, database)
}

// An earlier installation stays in public when the role has got a schema that its search_path names before it.
func TestAnEarlierInstallationBehindAnEmptySchema(t *testing.T) {
	t.Parallel()
	database := earlierInstallation(t)
	execute(t, database, "CREATE SCHEMA gatehouse", "ALTER DATABASE "+strings.TrimPrefix(parsed(t, database).Path, "/")+" SET search_path = gatehouse, public")
	for range 2 {
		inUse(t, open(t, database))
	}
}

// Tables that are there without any record of how they came are not left behind for new ones.
func TestTheRecordIsLost(t *testing.T) {
	t.Parallel()
	database := registrytest.PostgresDatabase(t)
	open(t, inSchema(database, "public"))
	execute(t, database, "DROP TABLE gatehouse_migrations")
	require.ErrorIs(t, connect(t, database).Migrate(t.Context()), registry.ErrNameTaken)
}

func parsed(t *testing.T, database string) *url.URL {
	t.Helper()
	parsed, err := url.Parse(database)
	require.NoError(t, err)
	return parsed
}
