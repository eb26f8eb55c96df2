package registry

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// protocolViolation is the SQLSTATE with which PgBouncer refuses a setting that it does not know.
const protocolViolation = "08P01"

// refusePooler turns what a first connection came to into ErrPooler when the connection's settings were not accepted, or
// were dropped on the way. What drops them may also give each transaction another connection, and then the lock of those
// who migrate excludes nobody, and a process that died holds its locks for as long as Postgres likes.
func (r *Registry) refusePooler(ctx context.Context, first error) error {
	var refused *pgconn.PgError
	if errors.As(first, &refused) && refused.Code == protocolViolation {
		return fmt.Errorf("%w: %w", ErrPooler, first)
	}
	if first != nil {
		return first
	}
	var timeout, path string
	err := r.run(ctx, "open", func(ctx context.Context) error {
		return r.db.NewRaw("SELECT setting, current_setting('search_path') FROM pg_settings WHERE name = 'statement_timeout'").
			Scan(ctx, &timeout, &path)
	})
	dropped := timeout != strconv.FormatInt(statementTimeout(r.timeout).Milliseconds(), 10) || r.schema != "" && path != r.schema
	if err == nil && dropped {
		err = fmt.Errorf("%w: the settings of a connection are not in effect", ErrPooler)
	}
	return err
}
