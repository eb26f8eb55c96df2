package app

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/registry"
)

// DatabaseError says that the configured database cannot be worked with: it cannot be opened, or its schema is not the
// program's and cannot be made so. It wraps the reason.
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
		return &DatabaseError{fmt.Errorf("migrate database: %w", advised(err))}
	}
	return nil
}

// advised adds to the error of a migration what the operator can do about it.
func advised(err error) error {
	switch {
	case errors.Is(err, registry.ErrNameTaken):
		return fmt.Errorf("%w: leave search_path out of database_url, and the tables get the schema gatehouse, or name a schema of their own; "+
			"an SQLite file cannot be shared", err)
	case errors.Is(err, registry.ErrNotAllowed):
		return fmt.Errorf("%w: as an owner of the database, CREATE SCHEMA gatehouse AUTHORIZATION and the name of the role, "+
			"or name a schema in which the role may CREATE with search_path in database_url", err)
	}
	return err
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
