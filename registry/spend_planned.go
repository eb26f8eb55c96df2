package registry

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"
)

// reserveStatement changes the budget and stores the spend, or does neither. It makes of the budget that the caller knew, whose
// window is $8 to $9, or of the one that it has become meanwhile, the one of the window $1 to $3.
const reserveStatement = `
WITH reserved AS (
	UPDATE budgets SET
		spent = CASE WHEN window_start = $1 THEN spent ELSE 0 END,
		held = CASE WHEN window_start = $1 THEN held ELSE 0 END + $2::bigint,
		window_start = $1, window_end = $3::timestamptz
	WHERE subject = $4 AND client_id = $5 AND unit = $6 AND revision = $7
		AND (window_start = $1 AND window_end IS NOT DISTINCT FROM $3 OR window_start = $8 AND window_end IS NOT DISTINCT FROM $9)
		AND (most_at_once < 0 OR $2 <= most_at_once)
		AND (most < 0 OR CASE WHEN window_start = $1 THEN spent + held ELSE 0 END + $2 <= most)
	RETURNING spent, held
), stored AS (
	INSERT INTO spends (id, subject, client_id, unit, once, route, lookup, state, held, posted, reserved_at, inquire_at, inquiries)
	SELECT $10, $4, $5, $6, $11, $12, $13, 'held', $2, 0, $14::timestamptz, $15::timestamptz, 0 FROM reserved
)
SELECT spent, held FROM reserved`

// settleStatement settles a spend and counts it. Its parts follow each other in this order because each needs what the one before
// returns: the budget's row first, as Reserve takes it. Two that took both in different orders would wait for each other.
//
// With $6 it lets the caller go on before the disk has it, where an inquiry would tell the same once more. Whatever is reserved
// afterwards is on the disk after it.
const settleStatement = `
WITH budget AS (
	SELECT subject, client_id, unit, window_start FROM budgets
	WHERE (subject, client_id, unit) = (SELECT subject, client_id, unit FROM spends WHERE id = $1)
	FOR NO KEY UPDATE
), settled AS (
	UPDATE spends AS sp SET state = $2, posted = $3, inquire_at = $4, settled_at = $5 FROM budget
	WHERE sp.id = $1 AND sp.state IN ('held', 'unknown')
	RETURNING sp.*, budget.window_start
), counted AS (
	UPDATE budgets AS b SET spent = b.spent + $3, held = b.held - settled.held FROM settled
	WHERE (b.subject, b.client_id, b.unit) = (settled.subject, settled.client_id, settled.unit)
		AND settled.reserved_at >= settled.window_start AND settled.inquire_at IS NULL
)
SELECT id, subject, client_id, unit, once, route, lookup, state, held, posted, reserved_at, settled_at, inquire_at, inquiries FROM settled
WHERE CASE WHEN $6 AND lookup <> '' AND posted <= held THEN set_config('synchronous_commit', 'off', true) <> '' ELSE true END`

// planned runs a statement that has always the same text. Postgres plans it once on each connection: to plan one of these takes it
// longer than to execute it.
func planned(ctx context.Context, db querier, statement string, args ...any) *sql.Row {
	return db.QueryRowContext(ctx, statement, append([]any{pgx.QueryExecModeCacheStatement}, args...)...)
}

type querier interface {
	QueryRowContext(ctx context.Context, statement string, args ...any) *sql.Row
}

// reservePlanned is reserve on Postgres.
func (r *Registry) reservePlanned(ctx context.Context, s Spend, known Budget, at *Budget) error {
	return planned(ctx, r.db.DB, reserveStatement,
		at.WindowStart, s.Amount, orNull(at.WindowEnd), s.Subject, s.ClientID, s.Unit, at.Revision, known.WindowStart, orNull(known.WindowEnd),
		s.ID, s.Once, s.Route, s.Lookup, s.ReservedAt, s.InquireAt).Scan(&at.Spent, &at.Held)
}

// settlePlanned is settle on Postgres.
func (r *Registry) settlePlanned(ctx context.Context, db querier, id string, to Outcome) (Spend, error) {
	var inquire, settled sql.NullTime
	if to.State == Unknown {
		inquire = orNull(storable(to.InquireAt))
	} else {
		settled = orNull(r.clock())
	}
	var row spendRow
	err := planned(ctx, db, settleStatement, id, to.State, to.Cost, inquire, settled, !r.audited).Scan(
		&row.ID, &row.Subject, &row.ClientID, &row.Unit, &row.Once, &row.Route, &row.Lookup, &row.State, &row.Amount, &row.Cost, &row.ReservedAt,
		&settled, &inquire, &row.Inquiries)
	row.SettledAt, row.InquireAt = settled.Time, inquire.Time
	return row.spend(), err
}

// orNull is a time for a column, null for the zero time.
func orNull(t time.Time) sql.NullTime { return sql.NullTime{Time: t, Valid: !t.IsZero()} }
