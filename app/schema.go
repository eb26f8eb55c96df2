package app

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/registry"
)

// DatabaseError says that the configured database cannot be worked with: it cannot be opened, or its schema is not the
// program's. It wraps the reason.
type DatabaseError struct{ reason error }

// Error is the reason.
func (e *DatabaseError) Error() string { return e.reason.Error() }

// Unwrap returns the reason.
func (e *DatabaseError) Unwrap() error { return e.reason }

func notOpened(err error) error { return &DatabaseError{fmt.Errorf("open database: %w", err)} }

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
		return &DatabaseError{fmt.Errorf("database: %w: run `gatehouse migrate` first, or let the server do it (database_migrate: true)", err)}
	default:
		return &DatabaseError{fmt.Errorf("database: %w", err)}
	}
}
