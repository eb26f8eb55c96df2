package registry_test

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// newRole returns the name of a new role that owns nothing, and the URL with which it connects to the database.
func newRole(t *testing.T, database string) (name, asRole string) {
	t.Helper()
	name = "test_" + strings.ToLower(rand.Text())
	execute(t, database, "CREATE ROLE "+name+" LOGIN PASSWORD 'x'")
	t.Cleanup(func() {
		db, err := sql.Open("pgx", database)
		require.NoError(t, err)
		_, err = db.Exec("DROP OWNED BY " + name + " CASCADE; DROP ROLE " + name)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
	server := parsed(t, database)
	server.User = url.UserPassword(name, "x")
	return name, server.String()
}

// A role that may make no schema, and not read what is lndhub.go's, gets one from the owner of the database.
func TestARoleThatMayNotMakeASchema(t *testing.T) {
	t.Parallel()
	database := registrytest.PostgresDatabase(t)
	registrytest.StartLNDHub(t, database)
	role, asRole := newRole(t, database)
	before := public(t, database)
	err := connect(t, asRole).Migrate(t.Context())
	require.ErrorIs(t, err, registry.ErrNotAllowed)
	require.ErrorContains(t, err, "permission denied for database")

	missing := connect(t, inSchema(asRole, "lightning"))
	require.ErrorIs(t, missing.CheckSchema(t.Context()), registry.ErrSchemaOutdated)
	require.ErrorIs(t, missing.Migrate(t.Context()), registry.ErrNotAllowed)

	execute(t, database, "CREATE SCHEMA gatehouse AUTHORIZATION "+role, "CREATE SCHEMA lightning AUTHORIZATION "+role)
	newWorld(t, open(t, asRole), newClock()).redeem()
	restarted(t, asRole)
	newWorld(t, open(t, inSchema(asRole, "lightning, public")), newClock()).redeem()
	require.Equal(t, before, public(t, database))
}

// The role that serves need not be the one that migrates.
func TestARoleThatServes(t *testing.T) {
	t.Parallel()
	database := registrytest.PostgresDatabase(t)
	open(t, database)
	role, asRole := newRole(t, database)
	require.ErrorContains(t, connect(t, asRole).CheckSchema(t.Context()), "permission denied for schema gatehouse", "it is not said that tables are missing")

	execute(t, database, "GRANT USAGE ON SCHEMA gatehouse TO "+role,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gatehouse TO "+role)
	r := connect(t, asRole)
	require.NoError(t, r.CheckSchema(t.Context()))
	newWorld(t, r, newClock()).redeem()
}

// Who may make functions and operators in public gets none of them run by the role of Gatehouse.
func TestFunctionsOfOthersAreNotRun(t *testing.T) {
	t.Parallel()
	database := registrytest.PostgresDatabase(t)
	trap := " LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'run by %', current_user; END $$"
	execute(t, database,
		"CREATE FUNCTION public.unnest(text[]) RETURNS SETOF text"+trap,
		"CREATE FUNCTION public.trap(oid, regclass) RETURNS boolean"+trap,
		"CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = public.trap)",
		"CREATE FUNCTION public.trap(varchar, varchar) RETURNS boolean"+trap,
		"CREATE OPERATOR public.~ (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.trap)")
	newWorld(t, open(t, database), newClock())
	restarted(t, database)

	other := earlierInstallation(t)
	execute(t, other, "CREATE FUNCTION public.trap(varchar, varchar) RETURNS boolean"+trap,
		"CREATE OPERATOR public.~ (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.trap)")
	inUse(t, open(t, other))
}
