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
	ours = "name OPERATOR(pg_catalog.~) '^[0-9]{4}$'"
)

// firstTablesVisible reports whether the search_path finds all tables of our first migration. That path may lead through a
// schema in which others can make functions, so that nothing is called whose name they could take: one of theirs for text[]
// would come before Postgres's unnest, and be run with the rights of our role.
func firstTablesVisible(ctx context.Context, db *bun.DB) (visible bool, err error) {
	err = db.NewRaw(`SELECT pg_catalog.to_regclass('clients') IS NOT NULL AND pg_catalog.to_regclass('grants') IS NOT NULL
		AND pg_catalog.to_regclass('codes') IS NOT NULL AND pg_catalog.to_regclass('refresh_tokens') IS NOT NULL
		AND pg_catalog.to_regclass('revocations') IS NOT NULL AND pg_catalog.to_regclass('signing_keys') IS NOT NULL`).Scan(ctx, &visible)
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
