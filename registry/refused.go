package registry

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// What Postgres refuses a statement for, as its SQLSTATE.
const (
	uniqueViolation       = "23505"
	duplicateTable        = "42P07"
	insufficientPrivilege = "42501"
	noSuchSchema          = "3F000"
	deadlockDetected      = "40P01"
)

// isDeadlock holds for the error of a statement that Postgres has ended because it and another waited for each other.
func isDeadlock(err error) bool {
	var postgres *pgconn.PgError
	return errors.As(err, &postgres) && postgres.Code == deadlockDetected
}

// whatRefused adds ErrNameTaken or ErrNotAllowed to the error of a migration that the database refused for that.
func whatRefused(err error) error {
	var postgres *pgconn.PgError
	if errors.As(err, &postgres) {
		switch postgres.Code {
		case duplicateTable:
			return fmt.Errorf("%w: %w", ErrNameTaken, err)
		case insufficientPrivilege, noSuchSchema:
			return fmt.Errorf("%w: %w", ErrNotAllowed, err)
		}
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) && strings.Contains(lite.Error(), "already exists") { // SQLite has no code for it
		return fmt.Errorf("%w: %w", ErrNameTaken, err)
	}
	return err
}
