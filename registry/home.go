package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// ownSchema is where a new installation on Postgres has its tables: the database may be another program's, too.
const ownSchema = "gatehouse"

// goHome gives the connections the search_path with which they find the tables. An installation stays where it is, and who
// chose a place with a search_path of the URL or the role gets that one: their connections keep what they have. All others
// get ownSchema, which Migrate makes.
func (r *Registry) goHome(ctx context.Context) error {
	var own bool
	err := r.run(ctx, "find the tables", func(ctx context.Context) (err error) {
		own, err = belongsInOwnSchema(ctx, r.db)
		return err
	})
	if err != nil || !own {
		return err
	}
	there, err := openPostgres(r.url, ownSchema, r.pool, r.timeout)
	if err != nil {
		return err
	}
	err = r.db.Close()
	r.db, r.schema = there, ownSchema
	if err != nil {
		return err
	}
	return r.refusePooler(ctx, nil)
}

// belongsInOwnSchema reports whether the tables are in ownSchema, or should be made there. The connections of db have the
// search_path of the URL, the role or the database.
func belongsInOwnSchema(ctx context.Context, db *bun.DB) (bool, error) {
	var place struct {
		Own     int64  `bun:"own"`     // the record of migrations in ownSchema, 0: there is none
		Visible int64  `bun:"visible"` // the one that the search_path finds
		Source  string `bun:"source"`  // who set the search_path
		Current string `bun:"current"` // where it has new tables made
	}
	// A role that may not use a schema is told of it by the first statement that does: asking the catalog needs no right.
	err := db.NewRaw(`SELECT source, COALESCE(current_schema(), '') AS current, COALESCE(to_regclass(?)::oid::bigint, 0) AS visible,
		COALESCE((SELECT pg_class.oid::bigint FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
			WHERE nspname = ? AND relname = ?), 0) AS own
		FROM pg_settings WHERE name = 'search_path'`, postgresMigrations, ownSchema, postgresMigrations).Scan(ctx, &place)
	if err != nil {
		return false, err
	}
	if place.Source == "client" {
		return false, nil
	}
	here := place.Visible != 0 && place.Visible != place.Own
	if place.Visible == 0 {
		if here, err = firstTablesVisible(ctx, db); err != nil {
			return false, err
		}
	}
	switch {
	case here && place.Own != 0:
		return false, fmt.Errorf("%w: %q and %q", ErrTwoInstallations, place.Current, ownSchema)
	case here:
		return false, nil
	case place.Own != 0:
		return true, nil
	}
	chosen := place.Source == "user" || place.Source == "database" || place.Source == "database user"
	return !chosen || place.Current == "" || place.Current == "public", nil
}

// errAppeared ends a process that would begin an installation beside one that another process has begun meanwhile.
var errAppeared = errors.New("another process has made the tables elsewhere meanwhile: start again")

// makeHome makes the schema that goHome found missing. Only who holds the lock of those who migrate may call it.
func (r *Registry) makeHome(ctx context.Context, db *bun.DB) error {
	var missing bool
	err := db.NewRaw("SELECT to_regnamespace(?) IS NULL", r.schema).Scan(ctx, &missing)
	if err != nil || !missing {
		return err
	}
	elsewhere, err := openPostgres(r.url, "", 1, r.timeout)
	if err != nil {
		return err
	}
	own, err := belongsInOwnSchema(ctx, elsewhere)
	if err = errors.Join(err, elsewhere.Close()); err != nil {
		return err
	}
	if !own {
		return errAppeared
	}
	_, err = db.NewRaw("CREATE SCHEMA ?", bun.Ident(r.schema)).Exec(ctx)
	return err
}
