package budget

import (
	"context"
	"errors"
	"time"

	"gatehouse/registry"
)

// Ledger is what users let clients spend, and what is spent of it. It is safe for concurrent use. Each method waits for the
// database, and for nothing else.
type Ledger struct {
	Registry *registry.Registry
	// Zone is whose calendar windows follow; UTC when nil. FromConsent makes those of new budgets begin when they are made.
	Zone        *time.Location
	FromConsent bool
	// Default is what a client may spend whose user was never asked. Required: Unlimited is the old behaviour.
	Default Limit
	// RefuseUnlimited forbids to set a limit that bounds nothing.
	RefuseUnlimited bool
	// OnAboveHeld, unless nil, is told of a payment that was posted with more than was held for it: the limit may be exceeded.
	OnAboveHeld func(registry.Spend)
	Now         func() time.Time // time.Now when nil
}

// Reserve holds the spend's Amount in its budget before the request is sent, as registry.Reserve does. A user who was never
// asked has the Default.
func (l *Ledger) Reserve(ctx context.Context, s registry.Spend) (registry.Spend, registry.Budget, error) {
	held, b, err := l.Registry.Reserve(ctx, s, l.windows())
	if !errors.Is(err, registry.ErrNotFound) {
		return held, b, err
	}
	if _, err := l.Registry.EnsureBudget(ctx, l.budget(s.Key(), l.Default), l.windows()); err != nil {
		return registry.Spend{}, registry.Budget{}, err
	}
	return l.Registry.Reserve(ctx, s, l.windows())
}

// Settle stores what became of a spend, as registry.Settle does.
func (l *Ledger) Settle(ctx context.Context, id string, to registry.Outcome) (registry.Spend, error) {
	s, err := l.Registry.Settle(ctx, id, to)
	if err == nil && s.Cost > s.Amount && l.OnAboveHeld != nil {
		l.OnAboveHeld(s)
	}
	return s, err
}

// Of returns a budget as it stands now. Where the user was never asked it is the Default, of which nothing is spent, and exists is
// false.
func (l *Ledger) Of(ctx context.Context, key registry.BudgetKey) (b registry.Budget, exists bool, err error) {
	b, err = l.Registry.Budget(ctx, key)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		b, err = l.budget(key, l.Default), nil
	case err != nil:
		return b, false, err
	default:
		exists = true
	}
	return b.At(l.now(), l.windows()), exists, err
}

// OfSubject returns the budgets that a user gave any client, as they stand now.
func (l *Ledger) OfSubject(ctx context.Context, subject string) ([]registry.Budget, error) {
	budgets, err := l.Registry.BudgetsOf(ctx, subject)
	for i := range budgets {
		budgets[i] = budgets[i].At(l.now(), l.windows())
	}
	return budgets, err
}

// Set makes the limit hold for whatever is reserved from now on. What was spent in the window stays spent, and windows are counted
// from where they were: another period makes no fresh budget. It returns the budget as it stands then. ErrBadLimit, ErrUnlimited.
func (l *Ledger) Set(ctx context.Context, key registry.BudgetKey, to Limit) (registry.Budget, error) {
	decided, err := l.decided(ctx, key, to)
	if err != nil {
		return registry.Budget{}, err
	}
	set, err := l.Registry.SetBudget(ctx, decided, l.windows())
	if err != nil {
		return registry.Budget{}, err
	}
	return set.At(l.now(), l.windows()), nil
}

// Check returns why a limit cannot be set: ErrBadLimit or ErrUnlimited.
func (l *Ledger) Check(to Limit) error {
	if err := to.check(); err != nil {
		return err
	}
	if l.RefuseUnlimited && to.IsUnlimited() {
		return ErrUnlimited
	}
	return nil
}

// RenewsAt is when a budget begins anew; zero: never.
func RenewsAt(b registry.Budget) time.Time { return b.WindowEnd }

func (l *Ledger) budget(key registry.BudgetKey, of Limit) registry.Budget {
	b := registry.Budget{BudgetKey: key, Most: of.Most, MostAtOnce: of.MostAtOnce, Period: string(of.Period)}
	if l.FromConsent { // also one that never ends: it may get another period
		b.AnchoredAt = l.now()
	}
	return b
}

func (l *Ledger) windows() registry.Windows {
	if l.Zone == nil {
		return WindowsIn(time.UTC)
	}
	return WindowsIn(l.Zone)
}

func (l *Ledger) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}
