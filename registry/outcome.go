package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// run bounds an operation by the timeout and turns its error into one of this
// package.
func (r *Registry) run(ctx context.Context, what string, operation func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	err := operation(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return ErrNotFound
	case isOutcome(err):
		return err
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		return fmt.Errorf("registry: %s: %w: %w", what, ctx.Err(), err) // not every driver wraps it
	}
	return fmt.Errorf("registry: %s: %w", what, err)
}

func isOutcome(err error) bool {
	for _, outcome := range []error{
		ErrNotFound, ErrExists, ErrExpired, ErrGrantEnded, ErrCodeUsed, ErrRefreshReused, ErrRequestUsed, ErrLastKey,
		ErrNewerSchema, ErrSchemaOutdated, ErrInvalid,
	} {
		if errors.Is(err, outcome) {
			return true
		}
	}
	return false
}

// affected is the number of rows that a statement changed.
func affected(result sql.Result, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// orElse returns outcome when a conditional statement changed no row.
func orElse(outcome error, result sql.Result, err error) error {
	n, err := affected(result, err)
	if err == nil && n == 0 {
		return outcome
	}
	return err
}
