package main

import (
	"net/url"
	"os"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

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
		test(t, newSite(t, registrytest.PostgresDatabase(t), emptyRedis(t)))
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

// emptyRedis is a database of the tests' Redis that holds nothing yet. Tests that use it do not run side by side.
func emptyRedis(t *testing.T) string {
	t.Helper()
	server := os.Getenv("TEST_REDIS_URL")
	if server == "" {
		t.Skip("TEST_REDIS_URL is not set; `make test` starts a Redis and sets it")
	}
	parsed, err := url.Parse(server)
	require.NoError(t, err)
	parsed.Path = "/8" // the packages' tests run side by side; this number belongs to this package
	options, err := redis.ParseURL(parsed.String())
	require.NoError(t, err)
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	require.NoError(t, client.FlushDB(t.Context()).Err())
	return parsed.String()
}
