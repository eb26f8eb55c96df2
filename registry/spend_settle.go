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
	var err error
	if r.onPostgres() && !r.audited {
		err = r.run(ctx, "settle", func(ctx context.Context) error {
			s, err = r.settlePlanned(ctx, r.db.DB, id, to)
			return err
		})
	} else {
		err = r.inTx(ctx, "settle", func(ctx context.Context, tx bun.Tx) error {
			if r.onPostgres() {
				s, err = r.settlePlanned(ctx, tx.Tx, id, to)
			} else {
				s, err = r.settleInSteps(ctx, tx, id, to)
			}
			if err != nil {
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

// settleInSteps is settle for a database that has one writer at a time.
func (r *Registry) settleInSteps(ctx context.Context, tx bun.Tx, id string, to Outcome) (Spend, error) {
	var row spendRow
	update := tx.NewUpdate().Model(&row).Set("state = ?", to.State).Set("posted = ?", to.Cost).
		Where("id = ?", id).Where("state IN (?, ?)", Held, Unknown).Returning("*")
	if to.State == Unknown {
		err := update.Set("inquire_at = ?", storable(to.InquireAt)).Scan(ctx)
		return row.spend(), err
	}
	if err := update.Set("inquire_at = NULL").Set("settled_at = ?", r.clock()).Scan(ctx); err != nil {
		return Spend{}, err
	}
	budget := rowOf(row.Key())
	_, err := tx.NewUpdate().Model(&budget).WherePK().Where("window_start <= ?", storable(row.ReservedAt)).
		Set("spent = spent + ?", to.Cost).Set("held = held - ?", row.Amount).Exec(ctx)
	return row.spend(), err
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
