package main

import (
	"testing"

	"github.com/alicebob/miniredis/v2"

	"gatehouse/denylist/denylisttest"
	"gatehouse/registry/registrytest"
)

const (
	testSecret = "0123456789abcdef0123456789abcdef"
	// nowhere refuses every connection.
	nowhere = "127.0.0.1:1"
)

// onEach runs a test on SQLite, which needs nothing, and on Postgres and Redis where the tests have them. The database
// is empty.
func onEach(t *testing.T, test func(t *testing.T, s site)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, sqliteSite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, newSite(t, registrytest.PostgresDatabase(t), denylisttest.Redis(t, denylisttest.Server)))
	})
}

// onEachMigrated is onEach with a database that can be used.
func onEachMigrated(t *testing.T, test func(t *testing.T, s site)) {
	onEach(t, func(t *testing.T, s site) {
		s.ok("migrate")
		test(t, s)
	})
}

func sqliteSite(t *testing.T) site {
	t.Helper()
	return newSite(t, registrytest.SQLite(t), "redis://"+miniredis.RunT(t).Addr())
}

func newSite(t *testing.T, database, redis string) site {
	return site{t, map[string]string{
		"GATEHOUSE_DATABASE_URL": database,
		"GATEHOUSE_REDIS_URL":    redis,
		"GATEHOUSE_KEYS_SECRET":  testSecret,
	}}
}
