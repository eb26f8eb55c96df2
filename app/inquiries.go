package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse/authz/budget"
	"gatehouse/gateway"
	"gatehouse/registry"
)

// runBudgets finds out what became of payments, counts what is not settled, and purges what is old.
func (a *App) runBudgets() error {
	a.ledger.OnAboveHeld = func(s registry.Spend) {
		a.metrics.aboveHeld.Inc()
		a.log.Error("A PAYMENT COST MORE THAN WAS HELD FOR IT: the budget may be exceeded (docs/operating.md, A payment that cost more)",
			slog.String("spend", s.ID), slog.String("route", s.Route), slog.Int64("held", s.Amount), slog.Int64("cost", s.Cost))
	}
	inquiries, err := gateway.NewInquiries(gateway.Config{
		Routes: a.config.Routes, JWTSecret: []byte(a.config.JWTSecret.Reveal()), Upstreams: a.config.Upstream,
	})
	if err != nil {
		return err
	}
	a.onClose("inquiries", inquiries.Close)
	a.background("inquirer", (&budget.Inquirer{Ledger: a.ledger, Upstream: askedUpstreams{inquiries}, Log: a.log}).Run)
	watch := &budget.Watch{Ledger: a.ledger, Log: a.log}
	a.background("watch of payments", watch.Run)
	a.metrics.watchPayments(watch)
	a.background("purge of payments", (&budget.Purger{Ledger: a.ledger, Keep: a.config.Budgets.Keep, Log: a.log}).Run)
	return nil
}

// askedUpstreams are those of the routes, as the inquirer asks them.
type askedUpstreams struct{ *gateway.Inquiries }

var _ budget.Upstream = askedUpstreams{}

// Inquire implements budget.Upstream.
func (u askedUpstreams) Inquire(ctx context.Context, s registry.Spend, again bool) (registry.Outcome, error) {
	to, err := u.Ask(ctx, gateway.Inquiry{
		Subject: s.Subject, ClientID: s.ClientID, Route: s.Route, Lookup: s.Lookup, Amount: s.Amount, ReservedAt: s.ReservedAt, Again: again,
	})
	if errors.Is(err, gateway.ErrNoLookup) {
		err = errors.Join(budget.ErrCannotAsk, err)
	}
	return registry.Outcome{State: string(to.State), Cost: to.Cost}, err
}

// watchPayments shows what an authorization server knows of payments. Every one of them shows the same, but for what cost more.
func (m *metrics) watchPayments(watch *budget.Watch) {
	m.registry.MustRegister(m.aboveHeld)
	unsettled := func(value func(registry.Unsettled) float64) func() float64 {
		return func() float64 {
			u, _ := watch.Unsettled()
			return value(u)
		}
	}
	m.gauge("gatehouse_budget_payments_held", "Payments that are under way.", nil,
		unsettled(func(u registry.Unsettled) float64 { return float64(u.Held) }))
	m.gauge("gatehouse_budget_payments_unknown", "Payments of which it is not known whether they were made. They count as spent.", nil,
		unsettled(func(u registry.Unsettled) float64 { return float64(u.Unknown) }))
	m.gauge("gatehouse_budget_unknown_age_seconds", "How long ago the oldest payment was begun of which that is not known; 0: there is none.", nil,
		func() float64 { return watch.OldestUnknown().Round(time.Second).Seconds() })
}
