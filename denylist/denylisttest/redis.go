// Package denylisttest gives tests an empty database of the Redis at TEST_REDIS_URL, which .ci/with-services.sh starts.
// Nothing but tests imports it.
package denylisttest

import (
	"net/url"
	"os"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// Database is the number of a database that belongs to the tests of one package: packages are tested side by side.
type Database int

// The databases. A package that needs one adds a line.
const (
	App         Database = 7
	Server      Database = 8
	Predecessor Database = 9
)

// Redis empties the database and returns its URL. Tests that use the same one must not run side by side. Without
// TEST_REDIS_URL the test is skipped.
func Redis(t testing.TB, number Database) string {
	t.Helper()
	server := os.Getenv("TEST_REDIS_URL")
	if server == "" {
		t.Skip("TEST_REDIS_URL is not set; `make test` starts a Redis and sets it")
	}
	parsed, err := url.Parse(server)
	require.NoError(t, err)
	parsed.Path = "/" + strconv.Itoa(int(number))
	options, err := redis.ParseURL(parsed.String())
	require.NoError(t, err)
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	require.NoError(t, client.FlushDB(t.Context()).Err())
	return parsed.String()
}
