package registry

import (
	"context"

	"github.com/uptrace/bun"
)

// Earlier versions noted their migrations on Postgres in bun_migrations. That is the name which every program with bun
// uses, lndhub.go among them: what is in it may be theirs, ours, or of both.
const (
	earlierMigrations = "bun_migrations"
	// ours are the names of our migrations; other programs' are times.
	ours = "name ~ '^[0-9]{4}$'"
)

// firstTablesVisible reports whether the search_path finds all tables of our first migration.
func firstTablesVisible(ctx context.Context, db *bun.DB) (visible bool, err error) {
	err = db.NewRaw(`SELECT bool_and(to_regclass(name) IS NOT NULL)
		FROM unnest(ARRAY['clients', 'grants', 'codes', 'refresh_tokens', 'revocations', 'signing_keys']) AS name`).Scan(ctx, &visible)
	return visible, err
}

// earlierApplied names the migrations that an earlier version applied: none when its tables are not there. A table
// bun_migrations is another program's then, and this role may not even be allowed to read it.
func earlierApplied(ctx context.Context, db *bun.DB) (map[string]bool, error) {
	visible, err := firstTablesVisible(ctx, db)
	if err == nil && visible {
		err = db.NewRaw("SELECT to_regclass(?) IS NOT NULL", earlierMigrations).Scan(ctx, &visible)
	}
	if err != nil || !visible {
		return nil, err
	}
	applied, err := namesIn(ctx, db, earlierMigrations, ours)
	if !applied["0001"] {
		return nil, err
	}
	return applied, err
}

// takeOver copies what an earlier version noted, and adds a note that this version does not know: should it start again, it
// refuses a database that is newer than itself. Where another program has noted something, it refuses because of that,
// and nothing is added.
func takeOver(ctx context.Context, db *bun.DB) error {
	return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewRaw("INSERT INTO ? (name, group_id, migrated_at) SELECT name, group_id, migrated_at FROM ? WHERE ? ORDER BY name",
			bun.Ident(postgresMigrations), bun.Ident(earlierMigrations), bun.Safe(ours)).Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewRaw("INSERT INTO ? (name, group_id) SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM ? WHERE NOT ?)",
			bun.Ident(earlierMigrations), postgresMigrations, bun.Ident(earlierMigrations), bun.Safe(ours)).Exec(ctx)
		return err
	})
}
