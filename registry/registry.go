package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
)

const defaultTimeout = 5 * time.Second

// Registry is a database of clients, grants, tokens, revocations and keys. All
// methods are safe for concurrent use, by any number of processes. Unless it says
// otherwise, each blocks until its context ends, and at most as long as WithTimeout
// allows.
type Registry struct {
	db      *bun.DB
	url     string
	schema  string // that the connections' search_path is set to; empty: to none
	pool    int
	timeout time.Duration
	now     func() time.Time
	audited bool
	actor   string // of the audit records

	tellMigrated func(migration string)
	remembered   *rememberedBudgets

	clientListeners *clientListeners
}

// Option changes a default of Open.
type Option func(*Registry)

// WithPoolSize sets the number of connections, at least 1. The default is 10 for
// Postgres and 4 for an SQLite file. An in-memory database always has one.
func WithPoolSize(n int) Option { return func(r *Registry) { r.pool = n } }

// WithTimeout bounds every method, waiting for a connection and for locks
// included. The default is 5 s.
func WithTimeout(d time.Duration) Option { return func(r *Registry) { r.timeout = d } }

// WithNow replaces time.Now. The database's own clock is never asked.
func WithNow(now func() time.Time) Option { return func(r *Registry) { r.now = now } }

// WithMigrated makes Migrate call tell, in order, for each migration that it applied
// itself; what another process applied is not among them.
func WithMigrated(tell func(migration string)) Option {
	return func(r *Registry) { r.tellMigrated = tell }
}

// Open connects to the database: postgres://…, sqlite:file.db, or
// sqlite::memory:, which belongs to this Registry alone and ends with it. On
// Postgres it finds the schema of the tables: where they are, or else the one
// of the URL's or the role's search_path, or else gatehouse, which Migrate makes.
//
// Open fails when the database does not answer, with ErrPooler when something in
// between keeps connections from being ours, and with ErrTwoInstallations. It does
// not Migrate.
func Open(ctx context.Context, url string, options ...Option) (*Registry, error) {
	r := &Registry{
		url: url, timeout: defaultTimeout, now: time.Now, tellMigrated: func(string) {}, remembered: &rememberedBudgets{},
		clientListeners: &clientListeners{},
	}
	for _, option := range options {
		option(r)
	}
	if r.pool < 0 || r.timeout <= 0 {
		return nil, fmt.Errorf("%w: pool size and timeout must be positive", ErrInvalid)
	}
	var err error
	switch {
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		r.db, err = openPostgres(url, "", r.pool, r.timeout)
	case strings.HasPrefix(url, sqliteScheme):
		r.db, err = openSQLite(strings.TrimPrefix(url, sqliteScheme), r.pool, r.timeout)
	default:
		err = errScheme
	}
	if err != nil {
		return nil, err
	}
	err = r.run(ctx, "open", func(ctx context.Context) error { return firstConnection(ctx, r.db) })
	if r.onPostgres() {
		err = r.refusePooler(ctx, err)
		if err == nil {
			err = r.goHome(ctx)
		}
	}
	if err != nil {
		return nil, errors.Join(err, r.db.Close())
	}
	return r, nil
}

var errScheme = fmt.Errorf("%w: neither a postgres:// nor a sqlite: URL", ErrInvalid)

// ValidateURL returns the error that Open would return for the form of the URL. It asks no database and opens no file.
func ValidateURL(url string) error {
	switch {
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		_, err := pgx.ParseConfig(url)
		return err
	case strings.HasPrefix(url, sqliteScheme):
		return checkSQLitePath(strings.TrimPrefix(url, sqliteScheme))
	default:
		return errScheme
	}
}

// Ping asks the database whether it answers.
func (r *Registry) Ping(ctx context.Context) error {
	return r.run(ctx, "ping", func(ctx context.Context) error { return r.db.PingContext(ctx) })
}

// DatabaseStats returns the state of the connection pool, for metrics.
func (r *Registry) DatabaseStats() sql.DBStats { return r.db.Stats() }

// Close waits for running statements and closes every connection.
func (r *Registry) Close() error { return r.db.Close() }

func (r *Registry) onPostgres() bool { return r.db.Dialect().Name() == dialect.PG }

// clock is now, as it would be stored.
func (r *Registry) clock() time.Time { return storable(r.now()) }

// storable is the time as both databases keep it, so that what is read is equal to
// what was written.
func storable(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// inTx runs one transaction, bounded by the timeout. It commits only when steps
// returns nil: an outcome whose changes must stay is reported another way.
func (r *Registry) inTx(ctx context.Context, what string, steps func(context.Context, bun.Tx) error) error {
	return r.run(ctx, what, func(ctx context.Context) error {
		return r.db.RunInTx(ctx, &sql.TxOptions{}, steps)
	})
}
