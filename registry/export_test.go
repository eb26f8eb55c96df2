package registry

import (
	"context"
	"io/fs"

	"github.com/uptrace/bun"
)

// MigrateFrom runs other migrations than the package's own.
func (r *Registry) MigrateFrom(ctx context.Context, files fs.FS) error {
	migrations, err := discover(files)
	if err != nil {
		return err
	}
	return r.migrate(ctx, migrations)
}

// MigrateWatched is Migrate with a look at its statements.
func (r *Registry) MigrateWatched(ctx context.Context, hook bun.QueryHook) error {
	migrations, err := r.migrations()
	if err != nil {
		return err
	}
	return r.alone(ctx, func(db *bun.DB) error { return r.apply(ctx, db.WithQueryHook(hook), migrations) })
}

// MigrationsTable is where migrations are noted.
func (r *Registry) MigrationsTable() string { return r.migrationsTable() }

// DB is the database beneath, to look at what no method tells.
func (r *Registry) DB() *bun.DB { return r.db }

// WithQueryHook is the same Registry, watched.
func (r *Registry) WithQueryHook(hook bun.QueryHook) *Registry {
	watched := *r
	watched.db = r.db.WithQueryHook(hook)
	return &watched
}
