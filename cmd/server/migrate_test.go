package main

import (
	"database/sql"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/registry/registrytest"
)

func TestMigrateSaysWhatItApplied(t *testing.T) {
	onEach(t, func(t *testing.T, s site) {
		first := s.ok("migrate")
		require.Contains(t, first, "applied 0001_tables\n")
		require.True(t, strings.HasSuffix(first, "the schema is up to date\n"), first)
		require.Equal(t, "the schema is up to date\n", s.ok("migrate"))
		require.Equal(t, map[string]any{"applied": []any{}}, s.object("migrate"))
	})
}

func TestSeveralMigrateAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s site) {
		const several = 3
		var running sync.WaitGroup
		ends := make([]ended, several)
		for i := range ends {
			running.Go(func() { ends[i] = s.run("migrate", "--json") })
		}
		running.Wait()
		times := map[any]int{}
		for _, e := range ends {
			require.Zero(t, e.code, e.stderr)
			for _, migration := range decode[map[string][]any](t, e.stdout)["applied"] {
				times[migration]++
			}
		}
		require.Contains(t, times, "0001_tables")
		for migration, n := range times {
			require.Equal(t, 1, n, "%s was applied by one, and only that one says so", migration)
		}
		require.Empty(t, s.list("client", "list"))
	})
}

func TestADatabaseOfALaterVersionIsRefused(t *testing.T) {
	s := newSite(t, registrytest.PostgresDatabase(t), "redis://"+nowhere)
	s.ok("migrate")
	alter(t, s, "INSERT INTO gatehouse.gatehouse_migrations (name, group_id) VALUES ('9999', 99)")
	s.refused(1, "newer", "migrate")
	s.refused(1, "newer", "client", "list")
	s.refused(1, "newer", "revoke", "--user", "7", "--yes")
}

func TestAMigrationThatFailsCanBeRunAgain(t *testing.T) {
	s := newSite(t, registrytest.PostgresDatabase(t), "redis://"+nowhere)
	alter(t, s, "CREATE SCHEMA gatehouse")
	alter(t, s, "CREATE TABLE gatehouse.audit (id int)") // in the way of the second migration
	e := s.run("migrate")
	require.Equal(t, 1, e.code)
	require.Equal(t, "applied 0001_tables\n", e.stdout, "it says how far it came")
	require.Contains(t, e.stderr, "0002")
	require.Contains(t, e.stderr, `relation "audit" already exists`)
	s.refused(1, "run `gatehouse migrate` first", "client", "list")

	alter(t, s, "DROP TABLE gatehouse.audit")
	again := s.ok("migrate")
	require.NotContains(t, again, "0001")
	require.Contains(t, again, "applied 0002")
	s.ok("client", "list")
}

func TestADatabaseThatIsSharedWithLNDHub(t *testing.T) {
	database := registrytest.PostgresDatabase(t)
	registrytest.StartLNDHub(t, database)
	s := newSite(t, database, "redis://"+nowhere)
	alter(t, s, "CREATE TABLE clients (id int)") // of whatever program
	s.with("GATEHOUSE_DATABASE_URL", database+"&search_path=public").refused(1, "leave search_path out of database_url", "migrate")
	s.ok("migrate")
	require.Empty(t, s.list("client", "list"))
	registrytest.StartLNDHub(t, database)
	require.Equal(t, "the schema is up to date\n", s.ok("migrate"))
}

func TestADatabaseInWhichTheRoleMayMakeNothing(t *testing.T) {
	database := registrytest.PostgresDatabase(t)
	s := newSite(t, database+"&search_path=nowhere", "redis://"+nowhere)
	s.refused(1, "CREATE SCHEMA gatehouse AUTHORIZATION", "migrate")
}

func alter(t *testing.T, s site, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", s.env["GATEHOUSE_DATABASE_URL"])
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}
