package registry

import (
	"context"
	"fmt"
	"maps"

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
		applied, earlier, err := r.applied(ctx, r.db)
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
		if earlier {
			return fmt.Errorf("%w: its migrations are noted as an earlier version did", ErrSchemaOutdated)
		}
		return nil
	})
}

// applied names the migrations that the database has, of whatever version of the program; earlier tells that they are noted
// where earlier versions did.
func (r *Registry) applied(ctx context.Context, db *bun.DB) (names map[string]bool, earlier bool, err error) {
	find, table := "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)", r.migrationsTable()
	if r.onPostgres() {
		find = "SELECT to_regclass(?) IS NOT NULL"
	}
	if r.schema != "" {
		table = r.schema + "." + table // Postgres then says when the role may not use the schema
	}
	var exists bool
	if err := db.NewRaw(find, table).Scan(ctx, &exists); err != nil {
		return nil, false, err
	}
	if exists {
		if names, err = namesIn(ctx, db, table, "TRUE"); err != nil || len(names) > 0 {
			return names, false, err
		}
	}
	if r.onPostgres() {
		names, err = earlierApplied(ctx, db)
	}
	return names, len(names) > 0, err
}

func namesIn(ctx context.Context, db *bun.DB, table, which string) (map[string]bool, error) {
	var names []string
	if err := db.NewSelect().Table(table).Column("name").Where(which).Scan(ctx, &names); err != nil {
		return nil, err
	}
	found := make(map[string]bool, len(names))
	for _, name := range names {
		found[name] = true
	}
	return found, nil
}

// refuseNewer returns ErrNewerSchema when a migration was applied that this program
// does not know: it cannot tell what the tables have become.
func refuseNewer(known *migrate.Migrations, applied map[string]bool) error {
	unknown := maps.Clone(applied)
	for _, migration := range known.Sorted() {
		delete(unknown, migration.Name)
	}
	for name := range unknown {
		if len(name) > 4 { // a file of SQLite, which another program with bun has used
			return fmt.Errorf("%w: it has the migration %s", ErrNameTaken, name)
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("%w: it has %d migrations that are unknown here", ErrNewerSchema, len(unknown))
	}
	return nil
}
