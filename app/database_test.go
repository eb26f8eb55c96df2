package app_test

import (
	"testing"

	"gatehouse/app"
	"gatehouse/registry/registrytest"
)

// privateDatabase is a new database on the tests' Postgres, dropped at the end.
func privateDatabase(t *testing.T) app.SecretURL {
	t.Helper()
	return app.SecretURL(registrytest.PostgresDatabase(t))
}
