package registry_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun/dialect"

	"gatehouse/registry"
)

func TestCheckSchema(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		r := connect(t, db.url(t), registry.WithPoolSize(1))
		require.ErrorIs(t, r.CheckSchema(t.Context()), registry.ErrSchemaOutdated)
		require.Empty(t, tables(t, r), "the look made a table")

		require.NoError(t, r.MigrateFrom(t.Context(), only(t, r, "0001")))
		require.ErrorIs(t, r.CheckSchema(t.Context()), registry.ErrSchemaOutdated)
		require.NotContains(t, tables(t, r), "audit")
		require.NoError(t, r.Migrate(t.Context()))
		require.NoError(t, r.CheckSchema(t.Context()))
	})
}

// TestNewerSchema: a program of yesterday meets the database of tomorrow's.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		for name, last := range map[string]string{"all of ours": "9999", "not all of ours": "0001"} {
			r := connect(t, db.url(t), registry.WithPoolSize(1))
			files := only(t, r, last)
			files["0999_tomorrow.tx.up.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE tomorrow (id text)")}
			require.NoError(t, r.MigrateFrom(t.Context(), files))
			before := tables(t, r)
			require.ErrorIs(t, r.CheckSchema(t.Context()), registry.ErrNewerSchema, name)
			require.ErrorIs(t, r.Migrate(t.Context()), registry.ErrNewerSchema, name)
			require.Equal(t, before, tables(t, r), name)
		}
	})
}

func tables(t *testing.T, r *registry.Registry) (names []string) {
	t.Helper()
	find := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if r.DB().Dialect().Name() == dialect.PG {
		find = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
	}
	require.NoError(t, r.DB().NewRaw(find).Scan(t.Context(), &names))
	slices.Sort(names)
	return names
}
