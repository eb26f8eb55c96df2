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

// DB is the database beneath, to look at what no method tells.
func (r *Registry) DB() *bun.DB { return r.db }

// WithQueryHook is the same Registry, watched.
func (r *Registry) WithQueryHook(hook bun.QueryHook) *Registry {
	watched := *r
	watched.db = r.db.WithQueryHook(hook)
	return &watched
}
