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
// Settling again in the same way changes nothing and is no error. ErrSettled for another way; ErrNotFound.
func (r *Registry) Settle(ctx context.Context, id string, to Outcome) (Spend, error) {
	if err := errors.Join(checkIDs(id), to.check()); err != nil {
		return Spend{}, err
	}
	s, err := r.Spend(ctx, id)
	if err != nil || s.IsSettled() {
		return s.settledAs(to, err)
	}
	changed := bun.NullTime{}
	spent, given := int64(0), int64(0)
	switch to.State {
	case Posted:
		spent, given = to.Cost, s.Amount
	case Voided:
		given = s.Amount
	case Unknown:
		changed.Time = storable(to.InquireAt)
	}
	var row spendRow
	err = r.inTx(ctx, "settle", func(ctx context.Context, tx bun.Tx) error {
		// The budget's row first, as Reserve takes it: two that take both in different orders would wait for each other.
		budget := rowOf(s.Key())
		if err := r.locking(tx.NewSelect().Model(&budget).WherePK(), "NO KEY UPDATE").Scan(ctx); err != nil {
			return err
		}
		update := tx.NewUpdate().Model(&row).Set("state = ?", to.State).Set("posted = ?", spent).Set("inquire_at = ?", changed).
			Where("id = ?", id).Where("state IN (?, ?)", Held, Unknown).Returning("*")
		if to.State != Unknown {
			update.Set("settled_at = ?", r.clock())
		}
		if err := update.Scan(ctx); err != nil || to.State == Unknown || s.ReservedAt.Before(budget.WindowStart) {
			return err
		}
		_, err := tx.NewUpdate().Model(&budget).WherePK().Set("spent = spent + ?", spent).Set("held = held - ?", given).Exec(ctx)
		return err
	})
	switch {
	case errors.Is(err, ErrNotFound): // another has settled it since
		now, err := r.Spend(ctx, id)
		return now.settledAs(to, err)
	case err != nil:
		return Spend{}, err
	}
	return row.spend(), nil
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
