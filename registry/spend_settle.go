package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Outcome is what became of a spend.
type Outcome struct {
	State string // Posted, Voided or Unknown
	Cost  int64  // of what was Posted; it may be more than was held
	// InquireAt is when to look at an Unknown one again.
	InquireAt time.Time
}

// Settle stores what became of a spend, and what its budget has held for it: Posted is spent from then on, Voided is given back,
// Unknown stays held. A spend belongs to the window in which it was reserved; when that is over, the budget's counts stay as
// they are. It returns the spend as it is then.
//
// A crash of the database can undo what was settled in the last second, where the spend has a Lookup and has cost no more than its
// Amount: it is Held again then, until an inquiry finds out the same.
//
// Settling again in the same way changes nothing and is no error. ErrSettled for another way; ErrNotFound.
func (r *Registry) Settle(ctx context.Context, id string, to Outcome) (Spend, error) {
	if err := errors.Join(checkIDs(id), to.check()); err != nil {
		return Spend{}, err
	}
	if to.State != Posted {
		to.Cost = 0
	}
	var s Spend
	settle := func(ctx context.Context, db bun.IDB) (err error) {
		if r.onPostgres() {
			s, err = r.settleAtOnce(ctx, db, id, to)
		} else {
			s, err = r.settleInSteps(ctx, db, id, to)
		}
		return err
	}
	var err error
	if r.onPostgres() && !r.audited {
		err = r.run(ctx, "settle", func(ctx context.Context) error { return settle(ctx, r.db) })
	} else {
		err = r.inTx(ctx, "settle", func(ctx context.Context, tx bun.Tx) error {
			if err := settle(ctx, tx); err != nil {
				return err
			}
			return r.record(ctx, tx, "spend.settle", id, fmt.Sprintf("%s, %d of %d %s; subject %s, client %s",
				s.State, s.Cost, s.Amount, s.Unit, s.Subject, s.ClientID))
		})
	}
	if errors.Is(err, ErrNotFound) { // it never was, or is settled already
		s, err = r.Spend(ctx, id)
		return s.settledAs(to, err)
	}
	if err != nil {
		return Spend{}, err
	}
	return s, nil
}

// settleAtOnce is one statement, so that the budget's row is held for no longer than the commit takes. Its parts follow each
// other in this order because each needs what the one before returns: the budget's row first, as Reserve takes it. Two that
// took both in different orders would wait for each other. ErrNotFound when there is nothing to settle.
func (r *Registry) settleAtOnce(ctx context.Context, db bun.IDB, id string, to Outcome) (Spend, error) {
	var row spendRow
	budget := db.NewSelect().Model((*budgetRow)(nil)).Column("subject", "client_id", "unit", "window_start").
		Where("(subject, client_id, unit) = (SELECT subject, client_id, unit FROM spends WHERE id = ?)", id)
	settled := r.settling(db.NewUpdate().Model((*spendRow)(nil)).TableExpr("budget"), id, to).Returning("sp.*, budget.window_start")
	counted := db.NewUpdate().Model((*budgetRow)(nil)).TableExpr("settled").
		Set("spent = spent + ?", to.Cost).Set("held = b.held - settled.held").
		Where("(b.subject, b.client_id, b.unit) = (settled.subject, settled.client_id, settled.unit)").
		Where("settled.reserved_at >= settled.window_start").Where("settled.inquire_at IS NULL")
	query := db.NewSelect().With("budget", r.locking(budget, "NO KEY UPDATE")).With("settled", settled).With("counted", counted).
		ModelTableExpr("settled AS sp").Model(&row)
	if !r.audited {
		query.Where(foundOutAgain)
	}
	err := query.Scan(ctx)
	return row.spend(), err
}

// foundOutAgain lets the caller go on before the disk has it, where an inquiry would tell the same once more. Whatever is reserved
// afterwards is on the disk after it.
const foundOutAgain = `CASE WHEN lookup <> '' AND posted <= held THEN set_config('synchronous_commit', 'off', true) <> '' ELSE true END`

// settleInSteps is settleAtOnce for a database that has one writer at a time.
func (r *Registry) settleInSteps(ctx context.Context, tx bun.IDB, id string, to Outcome) (Spend, error) {
	var row spendRow
	if err := r.settling(tx.NewUpdate().Model(&row), id, to).Returning("*").Scan(ctx); err != nil {
		return Spend{}, err
	}
	if to.State == Unknown {
		return row.spend(), nil
	}
	budget := rowOf(row.Key())
	_, err := tx.NewUpdate().Model(&budget).WherePK().Where("window_start <= ?", storable(row.ReservedAt)).
		Set("spent = spent + ?", to.Cost).Set("held = held - ?", row.Amount).Exec(ctx)
	return row.spend(), err
}

func (r *Registry) settling(update *bun.UpdateQuery, id string, to Outcome) *bun.UpdateQuery {
	update.Set("state = ?", to.State).Set("posted = ?", to.Cost).Where("id = ?", id).Where("state IN (?, ?)", Held, Unknown)
	if to.State == Unknown {
		return update.Set("inquire_at = ?", storable(to.InquireAt))
	}
	return update.Set("inquire_at = NULL").Set("settled_at = ?", r.clock())
}

// settledAs is what Settle returns of a spend that is settled already.
func (s Spend) settledAs(to Outcome, err error) (Spend, error) {
	if err != nil {
		return Spend{}, err
	}
	if s.State != to.State || s.Cost != to.Cost {
		return s, ErrSettled
	}
	return s, nil
}

func (o Outcome) check() error {
	ok := false
	switch o.State {
	case Posted:
		ok = o.Cost >= 0 && o.Cost <= MaxAmount
	case Voided:
		ok = o.Cost == 0
	case Unknown:
		return checkTimes(o.InquireAt)
	}
	if !ok {
		return fmt.Errorf("%w: no outcome of a spend", ErrInvalid)
	}
	return nil
}
