package budget

import (
	"context"
	"errors"
	"time"

	"gatehouse/registry"
)

// Decide is a limit as the user decides about it while allowing a client something, to be stored with the grant. It takes the place of
// the budget of that revision, which the user has seen. ErrBadLimit, ErrUnlimited.
func (l *Ledger) Decide(ctx context.Context, key registry.BudgetKey, to Limit, seen int64) (registry.Decision, error) {
	decided, err := l.decided(ctx, key, to)
	decided.Revision = seen
	return registry.Decision{Budget: decided, Windows: l.windows()}, err
}

// decided is the budget with another limit. Its windows are counted from where they were.
func (l *Ledger) decided(ctx context.Context, key registry.BudgetKey, to Limit) (registry.Budget, error) {
	if err := l.Check(to); err != nil {
		return registry.Budget{}, err
	}
	decided := l.budget(key, to)
	before, err := l.Registry.Budget(ctx, key)
	switch {
	case err == nil:
		decided.AnchoredAt = before.AnchoredAt
	case !errors.Is(err, registry.ErrNotFound):
		return registry.Budget{}, err
	}
	return decided, nil
}

// Usual is the Default as a budget of which nothing is spent: what holds where the user was never asked.
func (l *Ledger) Usual(key registry.BudgetKey) registry.Budget {
	return l.budget(key, l.Default).At(l.now(), l.windows())
}

// IsDecided reports whether the user was asked. Who was not has the Default.
func IsDecided(b registry.Budget) bool { return b.Revision > 0 }

// Local is a time as the clocks of the ledger's zone show it, written as if it were UTC.
func (l *Ledger) Local(t time.Time) time.Time {
	if l.Zone != nil {
		t = t.In(l.Zone)
	}
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return time.Date(year, month, day, hour, minute, second, 0, time.UTC)
}
