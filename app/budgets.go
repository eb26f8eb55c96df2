package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gatehouse/app/config"
	"gatehouse/authz/budget"
	"gatehouse/gateway/payment"
	"gatehouse/registry"
)

// newLedger is what users let clients spend, by the configuration.
func newLedger(c config.Budgets, db *registry.Registry) (*budget.Ledger, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("budgets.time_zone: %w", err)
	}
	usual := budget.Limit{
		Most: cmp.Or(c.Default.Limit, budget.NoLimit), Period: budget.Period(c.Default.Period),
		MostAtOnce: cmp.Or(c.Default.MaxPayment, budget.NoLimit),
	}
	if usual.IsUnlimited() {
		usual.Period = budget.None
	}
	return &budget.Ledger{
		Registry: db, Zone: zone, FromConsent: c.Alignment == config.FromConsent, Default: usual, RefuseUnlimited: !c.AllowUnlimited,
	}, nil
}

// budgetServer answers gateways on their own.
func (a *App) budgetServer() *http.Server {
	api := budget.API{Ledger: a.ledger, Token: a.config.Budgets.Token.Reveal(), Log: a.log}
	return a.internalServer(api.Handler())
}

// gatewayLedger is whom the gateway of this process asks: the ledger beside it, else the authorization server's, or nobody.
func (a *App) gatewayLedger() (payment.Ledger, error) {
	switch {
	case a.ledger != nil:
		return localLedger{a.ledger}, nil
	case a.config.Budgets.URL != "":
		remote, err := payment.NewRemoteLedger(a.config.Budgets.URL, a.config.Budgets.Token.Reveal())
		if err != nil {
			return nil, err
		}
		a.onClose("ledger of budgets", remote.Close)
		return remote, nil
	}
	return nil, nil
}

// localLedger is the ledger of this process, as its gateway asks it.
type localLedger struct{ *budget.Ledger }

var _ payment.Ledger = localLedger{}

// Reserve implements payment.Ledger.
func (l localLedger) Reserve(ctx context.Context, h payment.Hold) error {
	_, _, err := l.Ledger.Reserve(ctx, registry.Spend{
		ID: h.ID, Subject: h.Subject, ClientID: h.ClientID, Unit: h.Unit, Once: h.Once, Route: h.Route, Lookup: h.Lookup,
		Amount: h.Amount, InquireAt: time.Now().Add(h.Within),
	})
	var exceeded *registry.BudgetExceededError
	var already *registry.SpentAlreadyError
	switch {
	case errors.As(err, &exceeded):
		b := exceeded.Budget
		return &payment.BudgetExceededError{
			Unit: b.Unit, Limit: b.Most, Remaining: b.Left(), MostAtOnce: b.MostAtOnce, RenewsAt: budget.RenewsAt(b),
		}
	case errors.As(err, &already):
		return &payment.SpentAlreadyError{State: already.Spend.State}
	}
	return err
}

// Settle implements payment.Ledger.
func (l localLedger) Settle(ctx context.Context, id string, to payment.Outcome) error {
	_, err := l.Ledger.Settle(ctx, id, registry.Outcome{State: string(to.State), Cost: to.Cost, InquireAt: time.Now()})
	if errors.Is(err, registry.ErrNotFound) || errors.Is(err, registry.ErrSettled) {
		return fmt.Errorf("%w: %w", payment.ErrNoHold, err)
	}
	return err
}
