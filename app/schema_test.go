package app_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/app"
	"gatehouse/registry"
)

func TestAServerThatMustNotMigrateRefusesAnOldDatabase(t *testing.T) {
	config := testConfig(echoUpstream(t))
	config.DatabaseURL = app.SecretURL("sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"))
	config.DatabaseMigrate = false
	_, err := app.New(t.Context(), config, app.Options{Log: slog.New(slog.DiscardHandler)})
	require.ErrorIs(t, err, registry.ErrSchemaOutdated)
	require.ErrorContains(t, err, "server migrate", "it says what to do")

	db, err := registry.Open(t.Context(), config.DatabaseURL.Reveal())
	require.NoError(t, err)
	require.ErrorIs(t, db.CheckSchema(t.Context()), registry.ErrSchemaOutdated, "the server has not migrated")
	require.NoError(t, db.Migrate(t.Context()))
	require.NoError(t, db.Close())
	start(t, config)
}
