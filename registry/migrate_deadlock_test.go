package registry_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry/registrytest"
)

// An earlier program waits for the lock of migrations within a statement, for which an index that is built beside the traffic waits in
// turn. Postgres ends the one of them that came last, which is the migration when the other has waited for a while.
func TestAMigrationGivesWayToAnEarlierProgram(t *testing.T) {
	t.Parallel()
	database := registrytest.PostgresDatabase(t)
	r := connect(t, database)
	require.NoError(t, r.MigrateFrom(t.Context(), only(t, r, "0022")))

	// The migration has the lock, and waits for whoever reads a table.
	reader, err := r.DB().BeginTx(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = reader.Rollback() })
	_, err = reader.ExecContext(t.Context(), "LOCK TABLE clients IN ACCESS SHARE MODE")
	require.NoError(t, err)
	migrated := make(chan error, 1)
	go func() { migrated <- r.Migrate(t.Context()) }()
	waiting := func(kind string) func() bool {
		return func() bool {
			var is bool
			err := r.DB().NewRaw("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = ? AND database = "+
				"(SELECT oid FROM pg_database WHERE datname = current_database()))", kind).Scan(t.Context(), &is)
			return err == nil && is
		}
	}
	require.Eventually(t, waiting("relation"), time.Minute, time.Millisecond)

	pool, err := sql.Open("pgx", database)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	earlier, err := pool.Conn(t.Context())
	require.NoError(t, err)
	_, err = earlier.ExecContext(t.Context(), "SET deadlock_timeout = '1ms'") // it looks once, and finds nothing yet
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() {
		_, err := earlier.ExecContext(t.Context(), "SELECT pg_advisory_lock($1)", 0x6761746568)
		served <- err
		_ = earlier.Close()
		_ = pool.Close()
	}()
	require.Eventually(t, waiting("advisory"), time.Minute, time.Millisecond)
	require.NoError(t, reader.Rollback())

	require.NoError(t, <-served, "the one that has waited for long is not ended")
	require.NoError(t, <-migrated)
	require.NoError(t, r.CheckSchema(t.Context()))
}
