package app

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/registry"
)

// prepareSchema migrates the database, or else refuses one that was not migrated.
func prepareSchema(ctx context.Context, db *registry.Registry, migrate bool) error {
	if !migrate {
		return checkSchema(ctx, db)
	}
	if err := db.Migrate(ctx); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	return nil
}

// checkSchema refuses a database whose schema is not the program's, and says what to do about it.
func checkSchema(ctx context.Context, db *registry.Registry) error {
	switch err := db.CheckSchema(ctx); {
	case err == nil:
		return nil
	case errors.Is(err, registry.ErrSchemaOutdated):
		return fmt.Errorf("database: %w: run `server migrate` first, or let the server do it (database_migrate: true)", err)
	default:
		return fmt.Errorf("database: %w", err)
	}
}
