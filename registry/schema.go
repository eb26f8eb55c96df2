package registry

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// CheckSchema reports whether the tables are those that this program knows:
// ErrSchemaOutdated when migrations are missing, ErrNewerSchema when there are
// some of a later program. It changes nothing, and is cheap enough to be asked
// often.
func (r *Registry) CheckSchema(ctx context.Context) error {
	known, err := r.migrations()
	if err != nil {
		return err
	}
	return r.run(ctx, "check schema", func(ctx context.Context) error {
		applied, err := r.applied(ctx, r.db)
		if err != nil {
			return err
		}
		if err := refuseNewer(known, applied); err != nil {
			return err
		}
		for _, migration := range known.Sorted() {
			if !applied[migration.Name] {
				return fmt.Errorf("%w: migration %s is missing", ErrSchemaOutdated, migration)
			}
		}
		return nil
	})
}

// applied names the migrations that the database has, of whatever program.
func (r *Registry) applied(ctx context.Context, db *bun.DB) (map[string]bool, error) {
	find := "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)"
	if r.onPostgres() {
		find = "SELECT to_regclass(?) IS NOT NULL"
	}
	var exists bool
	if err := db.NewRaw(find, migrationTable).Scan(ctx, &exists); err != nil || !exists {
		return nil, err
	}
	var names []string
	if err := db.NewSelect().Table(migrationTable).Column("name").Scan(ctx, &names); err != nil {
		return nil, err
	}
	applied := make(map[string]bool, len(names))
	for _, name := range names {
		applied[name] = true
	}
	return applied, nil
}

// refuseNewer returns ErrNewerSchema when a migration was applied that this program
// does not know: it cannot tell what the tables have become.
func refuseNewer(known *migrate.Migrations, applied map[string]bool) error {
	unknown := len(applied)
	for _, migration := range known.Sorted() {
		if applied[migration.Name] {
			unknown--
		}
	}
	if unknown > 0 {
		return fmt.Errorf("%w: it has %d migrations that are unknown here", ErrNewerSchema, unknown)
	}
	return nil
}
