package registry

import (
	"context"
	"errors"
	"time"
)

var errStub = errors.New("registry: not written yet")

// Registry is a database of clients, grants, tokens, revocations and keys. All
// methods are safe for concurrent use, by any number of processes, and each
// waits at most the statement timeout (WithTimeout), however long its context allows.
type Registry struct {
	timeout time.Duration
	now     func() time.Time
}

// Option changes a default of Open.
type Option func(*Registry)

// WithPoolSize sets the number of connections, at least 1. An in-memory
// database always has one.
func WithPoolSize(n int) Option { return func(r *Registry) {} }

// WithTimeout bounds every method, waiting for a connection and for locks
// included. The default is 5 s.
func WithTimeout(d time.Duration) Option { return func(r *Registry) {} }

// WithNow replaces time.Now. The database's own clock is never asked.
func WithNow(now func() time.Time) Option { return func(r *Registry) {} }

// Open connects to the database: postgres://…, sqlite:file.db, or
// sqlite::memory:, which belongs to this Registry alone. It does not Migrate.
func Open(ctx context.Context, url string, options ...Option) (*Registry, error) {
	return nil, errStub
}

// Ping asks the database whether it answers.
func (r *Registry) Ping(ctx context.Context) error { return errStub }

// Close waits for running statements and closes every connection.
func (r *Registry) Close() error { return errStub }

// Migrate brings the tables up to date. Any number of processes may do it at
// once. Each migration is one transaction: a failed one leaves nothing behind
// and runs again next time. It blocks as long as ctx allows.
func (r *Registry) Migrate(ctx context.Context) error { return errStub }
