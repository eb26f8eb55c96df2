package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// BudgetExceededError says that a budget does not allow a payment. Nothing was reserved.
type BudgetExceededError struct {
	Budget Budget // as it stands
	Amount int64
}

func (e *BudgetExceededError) Error() string {
	return fmt.Sprintf("registry: %d %s are more than the budget allows", e.Amount, e.Budget.Unit)
}

// SpentAlreadyError says that the same thing is being paid, or was. Nothing was reserved.
type SpentAlreadyError struct{ Spend Spend }

func (e *SpentAlreadyError) Error() string {
	return "registry: the same was reserved before and is " + e.Spend.State
}

// Reserve holds a spend's Amount in its budget, and stores the spend as Held, until it is settled or InquireAt has come. From
// then on it counts, whatever dies. One statement decides: what is spent and held in the window never exceeds Most by what is
// reserved, however many reserve at the same time.
//
// It returns the spend as it is stored, and the budget with it. ErrNotFound: there is no budget. The error may be a *BudgetExceededError or a
// *SpentAlreadyError; ErrExists when the ID is taken.
func (r *Registry) Reserve(ctx context.Context, s Spend, windows Windows) (Spend, Budget, error) {
	if err := s.check(); err != nil {
		return Spend{}, Budget{}, err
	}
	s.State, s.Cost, s.SettledAt, s.Inquiries = Held, 0, time.Time{}, 0
	s.InquireAt = storable(s.InquireAt)
	known, isRemembered := r.remembered.get(s.Key())
	for ; ; isRemembered = false {
		var err error
		if !isRemembered {
			if known, err = r.Budget(ctx, s.Key()); err != nil {
				return Spend{}, Budget{}, err
			}
		}
		now := r.clock()
		at := known.At(now, windows)
		s.ReservedAt = now
		if s.ReservedAt.Before(at.WindowStart) { // this clock is behind another's
			s.ReservedAt = at.WindowStart
		}
		mayPass := isRemembered || at.Allows(s.Amount)
		if mayPass {
			reserved, err := r.reserve(ctx, s, known, &at)
			if err != nil {
				return Spend{}, Budget{}, err
			}
			if reserved {
				r.remembered.put(at)
				return s, at, nil
			}
			if isRemembered {
				continue
			}
		}
		if before, err := r.spentOnce(ctx, s); !errors.Is(err, ErrNotFound) {
			if err == nil {
				err = &SpentAlreadyError{before}
			}
			return Spend{}, Budget{}, err
		}
		if !mayPass {
			return Spend{}, Budget{}, &BudgetExceededError{at, s.Amount}
		}
	} // it has changed meanwhile
}

// reserve makes of the budget that the caller knew the one at the time of s, and sets what is spent and held in it then. It reports
// false when the budget is neither of them, does not allow it, or the same was reserved before.
func (r *Registry) reserve(ctx context.Context, s Spend, known Budget, at *Budget) (reserved bool, err error) {
	if r.onPostgres() { // in one step, which holds the budget's row for no longer than the commit takes
		err = r.run(ctx, "reserve", func(ctx context.Context) error { return r.reservePlanned(ctx, s, known, at) })
	} else {
		err = r.inTx(ctx, "reserve", func(ctx context.Context, tx bun.Tx) error { return reserveInSteps(ctx, tx, s, known, at) })
	}
	switch {
	case errors.Is(err, ErrNotFound), isTaken(err, "spends_once"):
		return false, nil
	case isTaken(err, "spends_pkey"):
		return false, ErrExists
	}
	return err == nil, err
}

// reserveInSteps is reserve for a database that has one writer at a time.
func reserveInSteps(ctx context.Context, tx bun.Tx, s Spend, known Budget, at *Budget) error {
	const isIn = "window_start = ? AND window_end IS NOT DISTINCT FROM ?"
	budget := rowOf(s.Key())
	err := tx.NewUpdate().Model(&budget).WherePK().
		Set("spent = CASE WHEN window_start = ? THEN spent ELSE 0 END", at.WindowStart).
		Set("held = CASE WHEN window_start = ? THEN held ELSE 0 END + ?", at.WindowStart, s.Amount).
		Set("window_start = ?", at.WindowStart).Set("window_end = ?", bun.NullTime{Time: at.WindowEnd}).
		Where("revision = ?", at.Revision).
		Where("("+isIn+") OR ("+isIn+")", known.WindowStart, bun.NullTime{Time: known.WindowEnd}, at.WindowStart, bun.NullTime{Time: at.WindowEnd}).
		Where("most_at_once < 0 OR ? <= most_at_once", s.Amount).
		Where("most < 0 OR CASE WHEN window_start = ? THEN spent + held ELSE 0 END + ? <= most", at.WindowStart, s.Amount).
		Returning("spent, held").Scan(ctx, &at.Spent, &at.Held)
	if err != nil {
		return err
	}
	_, err = tx.NewInsert().Model(&spendRow{Spend: s}).Returning("NULL").Exec(ctx)
	return err
}

// spentOnce finds what was reserved for the same thing and is not voided. ErrNotFound.
func (r *Registry) spentOnce(ctx context.Context, s Spend) (Spend, error) {
	var row spendRow
	err := r.run(ctx, "read spend", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&row).Where("subject = ?", s.Subject).Where("client_id = ?", s.ClientID).
			Where("once = ?", s.Once).Where("once <> ''").Where("state <> ?", Voided).Scan(ctx)
	})
	return row.spend(), err
}

// isTaken holds for the error of a row whose key another row has in a unique index.
func isTaken(err error, index string) bool {
	var postgres *pgconn.PgError
	if errors.As(err, &postgres) {
		return postgres.Code == uniqueViolation && postgres.ConstraintName == index
	}
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return false
	}
	isPrimary := lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	return isPrimary && index == "spends_pkey" || lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE && index == "spends_once"
}
