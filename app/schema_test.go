package app_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/app/config"
	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

func TestAServerThatMustNotMigrateRefusesAnOldDatabase(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.DatabaseURL = config.SecretURL(registrytest.SQLite(t))
	cfg.DatabaseMigrate = false
	_, err := app.New(t.Context(), cfg, app.Options{Log: slog.New(slog.DiscardHandler)})
	require.ErrorIs(t, err, registry.ErrSchemaOutdated)
	require.ErrorContains(t, err, "gatehouse migrate", "it says what to do")

	db, err := registry.Open(t.Context(), cfg.DatabaseURL.Reveal())
	require.NoError(t, err)
	require.ErrorIs(t, db.CheckSchema(t.Context()), registry.ErrSchemaOutdated, "the server has not migrated")
	require.NoError(t, db.Migrate(t.Context()))
	require.NoError(t, db.Close())
	start(t, cfg)
}
