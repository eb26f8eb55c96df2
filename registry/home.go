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
	visible, err := firstTablesVisible(ctx, db)
	if err != nil {
		return false, err
	}
	var place struct {
		Own    bool   `bun:"own"`     // there is an installation in ownSchema
		Found  string `bun:"found"`   // the schema of a table that the search_path finds
		Source string `bun:"source"`  // who set the search_path
		Makes  string `bun:"current"` // the schema in which it has new tables made
	}
	// A role that may not use a schema is told of it by the first statement that does: asking the catalog needs no right.
	err = db.NewRaw(`SELECT source, COALESCE(current_schema(), '') AS current,
		EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = ?0 AND tablename = ?1) AS own,
		COALESCE((SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = pg_catalog.to_regclass(?1)::oid), '') AS found
		FROM pg_settings WHERE name = 'search_path'`, ownSchema, "signing_keys").Scan(ctx, &place)
	if err != nil {
		return false, err
	}
	elsewhere := visible && place.Found != ownSchema
	chosen := place.Source == "user" || place.Source == "database" || place.Source == "database user"
	switch {
	case place.Source == "client":
		return false, nil
	case elsewhere && place.Own:
		return false, fmt.Errorf("%w, %q and %q: name one with search_path in the URL", ErrTwoInstallations, place.Found, ownSchema)
	case elsewhere:
		return false, nil
	case place.Own:
		return true, nil
	}
	return !chosen || place.Makes == "" || place.Makes == "public", nil
}

// errAppeared ends a process that would begin an installation beside one that another process has begun meanwhile.
var errAppeared = errors.New("another process has made the tables elsewhere meanwhile: start again")

// makeHome makes ownSchema if it is missing. Only who holds the lock of those who migrate may call it: what goHome found is
// looked at once more before anything is made.
func (r *Registry) makeHome(ctx context.Context, db *bun.DB) error {
	var state struct {
		Schema bool `bun:"schema"`
		Tables bool `bun:"tables"`
	}
	err := db.NewRaw(`SELECT to_regnamespace(?0) IS NOT NULL AS schema,
		EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = ?0 AND tablename = ?1) AS tables`, r.schema, "signing_keys").Scan(ctx, &state)
	if err != nil || state.Tables {
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
	if !state.Schema {
		_, err = db.NewRaw("CREATE SCHEMA ?", bun.Ident(r.schema)).Exec(ctx)
	}
	return err
}
