package registry

import (
	"context"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Use says that a grant was used on a day.
type Use struct {
	GrantID string
	On      time.Time // any time of that day, in UTC
}

// dayOf is the beginning of the day in UTC, which is how both databases keep a day.
func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// RecordUses notes, in one statement, on which day each of the grants was used last.
// A later day that is known already stays; a grant that does not exist is no error.
//
// It waits for no lock, and keeps few for long: a grant that somebody else is about
// to change is left, and returned, to be recorded another time.
func (r *Registry) RecordUses(ctx context.Context, uses []Use) (left []string, err error) {
	if len(uses) == 0 {
		return nil, nil
	}
	ids, days := make([]string, len(uses)), make([]time.Time, len(uses))
	for i, use := range uses {
		if err := checkText(use.GrantID); err != nil {
			return nil, err
		}
		ids[i], days[i] = use.GrantID, dayOf(use.On)
	}
	err = r.run(ctx, "record uses", func(ctx context.Context) error {
		if left = nil; r.onPostgres() {
			return r.recordUsesPostgres(ctx, ids, days, &left)
		}
		return r.recordUsesSQLite(ctx, ids, days)
	})
	return left, err
}

// recordUsesPostgres does not wait for the disk either: what is lost with the server
// is a day of some grants, as when a gateway dies. In its last part the statement
// sees what was there before it.
func (r *Registry) recordUsesPostgres(ctx context.Context, ids []string, days []time.Time, left *[]string) error {
	return r.db.NewRaw(`WITH hurry AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', TRUE)),
		told AS MATERIALIZED (
			SELECT id, max(day) AS day FROM unnest(?::text[], ?::date[]) AS uses (id, day) GROUP BY id
		), free AS MATERIALIZED (
			SELECT told.id, told.day FROM told CROSS JOIN LATERAL (
				SELECT g.id FROM grants AS g WHERE g.id = told.id AND (g.last_used_on IS NULL OR g.last_used_on < told.day)
				FOR NO KEY UPDATE SKIP LOCKED
			) AS earlier
		), written AS (
			UPDATE grants AS g SET last_used_on = free.day FROM hurry, free WHERE g.id = free.id RETURNING g.id
		)
		SELECT told.id FROM told JOIN grants AS g ON g.id = told.id AND (g.last_used_on IS NULL OR g.last_used_on < told.day)
		WHERE told.id NOT IN (SELECT id FROM written)`,
		pgdialect.Array(ids), pgdialect.Array(days)).Scan(ctx, left)
}

func (r *Registry) recordUsesSQLite(ctx context.Context, ids []string, days []time.Time) error {
	type told struct {
		ID  string       `bun:"id"`
		Day bun.NullTime `bun:"day"`
	}
	rows := make([]told, len(ids))
	for i := range ids {
		rows[i] = told{ids[i], bun.NullTime{Time: days[i]}}
	}
	// A join, which looks each grant up once: with a subquery for each it would take the square of them.
	_, err := r.db.NewUpdate().With("uses", r.db.NewValues(&rows)).
		With("told", r.db.NewSelect().TableExpr("uses").ColumnExpr("id, max(day) AS day").GroupExpr("id")).
		Model((*grantRow)(nil)).TableExpr("told").Set("last_used_on = told.day").
		Where("g.id = told.id").Where("g.last_used_on IS NULL OR g.last_used_on < told.day").Exec(ctx)
	return err
}
