package authz_test

import (
	"testing"

	"gatehouse/registry/registrytest"
)

// sqliteFile is the URL of a new database that several registries can open.
func sqliteFile(t *testing.T) string { return registrytest.SQLite(t) }

// postgresSchema is the URL of a new, empty schema that is gone after the test.
func postgresSchema(t *testing.T) string { return registrytest.Postgres(t) }
