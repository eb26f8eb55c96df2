package registry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"
)

// NoLimit as a Budget's Most or MostAtOnce bounds nothing.
const NoLimit = -1

// BudgetKey is whose budget it is. A user who consents again has the same one.
type BudgetKey struct {
	Subject  string `bun:"subject,pk"`
	ClientID string `bun:"client_id,pk"`
	Unit     string `bun:"unit,pk"`
}

// Budget is what a user lets a client spend of a unit, in its smallest parts, and how much of that is spent.
type Budget struct {
	BudgetKey
	// Most is for each window, MostAtOnce for each payment. Either may be NoLimit.
	Most       int64 `bun:"most"`
	MostAtOnce int64 `bun:"most_at_once"`
	// Period is how long a window is, in words that Windows understands. Windows follow the calendar, or else AnchoredAt.
	Period     string    `bun:"period"`
	AnchoredAt time.Time `bun:"anchored_at,nullzero"`
	// Revision grows each time that the user decides; 0: the user was never asked.
	Revision int64 `bun:"revision"`

	// The window in which something was reserved last, and what is spent and held in it. A zero WindowEnd: it has none.
	WindowStart time.Time `bun:"window_start"`
	WindowEnd   time.Time `bun:"window_end,nullzero"`
	Spent       int64     `bun:"spent"`
	Held        int64     `bun:"held"`
}

// Windows returns the window of a budget at a time. end is zero for one without an end. Of two times the later one has the
// same window, or a later one.
type Windows func(b Budget, at time.Time) (start, end time.Time)

// At is the budget as it stands at a time: with nothing spent, when its last window is over. A clock that is behind sees the
// last window.
//
// Another time zone begins no window before the last one has ended. Of one that began before, the rest is a window of its own if
// that is most of it, and else belongs to the last one.
func (b Budget) At(at time.Time, windows Windows) Budget {
	if !b.WindowEnd.IsZero() && at.Before(b.WindowEnd) {
		return b
	}
	start, end := windows(b, at)
	start, end = storable(start), storableOrZero(end)
	switch {
	case !start.After(b.WindowStart):
		return b
	case start.Before(b.WindowEnd) && end.Sub(b.WindowEnd) < b.WindowEnd.Sub(start):
		b.WindowEnd = end
		return b
	case start.Before(b.WindowEnd):
		start = b.WindowEnd
	}
	b.Spent, b.Held = 0, 0
	b.WindowStart, b.WindowEnd = start, end
	return b
}

// Left is how much can be reserved in the window, NoLimit when there is none. It is never less than 0.
func (b Budget) Left() int64 {
	if b.Most < 0 {
		return NoLimit
	}
	return max(0, b.Most-b.Spent-b.Held)
}

// Allows reports whether the amount can be reserved.
func (b Budget) Allows(amount int64) bool {
	return (b.MostAtOnce < 0 || amount <= b.MostAtOnce) && (b.Most < 0 || amount <= b.Left())
}

type budgetRow struct {
	bun.BaseModel `bun:"table:budgets,alias:b"`
	Budget
}

// rowOf is what a statement finds a budget's row by.
func rowOf(key BudgetKey) budgetRow { return budgetRow{Budget: Budget{BudgetKey: key}} }

func (row *budgetRow) budget() Budget {
	b := row.Budget
	b.AnchoredAt, b.WindowStart, b.WindowEnd = b.AnchoredAt.UTC(), b.WindowStart.UTC(), b.WindowEnd.UTC()
	return b
}

// Budget returns one as it was left by what was reserved last; see Budget.At. ErrNotFound.
func (r *Registry) Budget(ctx context.Context, key BudgetKey) (Budget, error) {
	if err := key.check(); err != nil {
		return Budget{}, err
	}
	row := rowOf(key)
	err := r.run(ctx, "read budget", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&row).WherePK().Scan(ctx)
	})
	return row.budget(), err
}

// BudgetsOf returns those that the subject gave any client, as Budget does.
func (r *Registry) BudgetsOf(ctx context.Context, subject string) ([]Budget, error) {
	if err := checkIDs(subject); err != nil {
		return nil, err
	}
	var rows []budgetRow
	err := r.run(ctx, "read budgets", func(ctx context.Context) error {
		return r.db.NewSelect().Model(&rows).Where("subject = ?", subject).Order("client_id", "unit").Scan(ctx)
	})
	budgets := make([]Budget, len(rows))
	for i := range rows {
		budgets[i] = rows[i].budget()
	}
	return budgets, err
}

// EnsureBudget stores a budget unless the key has one, and returns the one that it has then.
func (r *Registry) EnsureBudget(ctx context.Context, b Budget, windows Windows) (Budget, error) {
	if err := b.check(); err != nil {
		return Budget{}, err
	}
	row := budgetRow{Budget: r.fresh(b, windows)}
	err := r.run(ctx, "store budget", func(ctx context.Context) error {
		_, err := r.db.NewInsert().Model(&row).On("CONFLICT DO NOTHING").Returning("NULL").Exec(ctx)
		return err
	})
	if err != nil {
		return Budget{}, err
	}
	return r.Budget(ctx, b.BudgetKey)
}

// SetBudget stores what a user decided: Most, MostAtOnce and Period, and AnchoredAt of a budget that is new. It holds for whatever is
// reserved after it. What was spent and held in the window stays so. With another period that is counted anew, from the spends of
// the window that is current then; the anchor of the first decision stays, because in windows that begin now nothing would be spent.
func (r *Registry) SetBudget(ctx context.Context, decided Budget, windows Windows) (Budget, error) {
	if err := decided.check(); err != nil {
		return Budget{}, err
	}
	var set Budget
	err := r.inTx(ctx, "set budget", func(ctx context.Context, tx bun.Tx) (err error) {
		set, err = r.setBudget(ctx, tx, decided, windows, func(Budget) error { return nil })
		return err
	})
	if err != nil {
		return Budget{}, err
	}
	return set, nil
}

// setBudget is SetBudget within a transaction, if the budget may be replaced that is there. One that nobody has is of Revision 0.
func (r *Registry) setBudget(
	ctx context.Context, tx bun.Tx, decided Budget, windows Windows, mayReplace func(Budget) error,
) (Budget, error) {
	first := budgetRow{Budget: r.fresh(decided, windows)}
	_, err := tx.NewInsert().Model(&first).On("CONFLICT DO NOTHING").Returning("NULL").Exec(ctx)
	if err != nil {
		return Budget{}, err
	}
	set := rowOf(decided.BudgetKey)
	if err := r.locking(tx.NewSelect().Model(&set).WherePK(), "NO KEY UPDATE").Scan(ctx); err != nil {
		return Budget{}, err
	}
	if err := mayReplace(set.Budget); err != nil {
		return Budget{}, err
	}
	recount := set.Period != decided.Period
	set.Most, set.MostAtOnce, set.Period = decided.Most, decided.MostAtOnce, decided.Period
	set.Revision++
	if recount {
		start, end := windows(set.Budget, r.clock())
		set.WindowStart, set.WindowEnd = storable(start), storableOrZero(end)
		if set.Spent, set.Held, err = r.spentSince(ctx, tx, decided.BudgetKey, set.WindowStart); err != nil {
			return Budget{}, err
		}
	}
	if _, err := tx.NewUpdate().Model(&set).WherePK().Exec(ctx); err != nil {
		return Budget{}, err
	}
	return set.budget(), r.record(ctx, tx, "budget.set", decided.Subject, fmt.Sprintf("client %s: at most %s %s, period %s, at once %s",
		decided.ClientID, bound(decided.Most), decided.Unit, decided.Period, bound(decided.MostAtOnce)))
}

// bound is an amount for people.
func bound(n int64) string {
	if n == NoLimit {
		return "any number"
	}
	return strconv.FormatInt(n, 10)
}

// fresh is a budget of which nothing is spent.
func (r *Registry) fresh(b Budget, windows Windows) Budget {
	b.AnchoredAt = storableOrZero(b.AnchoredAt)
	start, end := windows(b, r.clock())
	b.WindowStart, b.WindowEnd = storable(start), storableOrZero(end)
	b.Spent, b.Held, b.Revision = 0, 0, 0
	return b
}

// spentSince sums up the spends of a budget from a time on.
func (r *Registry) spentSince(ctx context.Context, tx bun.Tx, key BudgetKey, start time.Time) (spent, held int64, err error) {
	err = tx.NewSelect().Model((*spendRow)(nil)).
		ColumnExpr("coalesce(sum(CASE WHEN state = ? THEN posted ELSE 0 END), 0)", Posted).
		ColumnExpr("coalesce(sum(CASE WHEN state IN (?, ?) THEN held ELSE 0 END), 0)", Held, Unknown).
		Where("subject = ?", key.Subject).Where("client_id = ?", key.ClientID).Where("unit = ?", key.Unit).
		Where("reserved_at >= ?", start).Scan(ctx, &spent, &held)
	return spent, held, err
}

func (key BudgetKey) check() error { return checkIDs(key.Subject, key.ClientID, key.Unit) }

func (b Budget) check() error {
	err := errors.Join(b.BudgetKey.check(), checkIDs(b.Period))
	if err == nil && (b.Most < NoLimit || b.MostAtOnce < NoLimit || b.Most > MaxAmount || b.MostAtOnce > MaxAmount) {
		err = fmt.Errorf("%w: an amount is out of range", ErrInvalid)
	}
	return err
}

// MaxAmount is the largest amount: beyond it JSON's numbers are no longer exact.
const MaxAmount = 1<<53 - 1

func storableOrZero(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return storable(t)
}
