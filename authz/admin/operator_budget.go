package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/registry"
)

// BudgetState is a budget as an operator sees it.
type BudgetState struct {
	Subject  string `json:"subject"`
	ClientID string `json:"client_id"`
	budget.Statement
}

func budgetStateOf(b registry.Budget) BudgetState {
	return BudgetState{b.Subject, b.ClientID, budget.StatementOf(b)}
}

// SpendState is a payment as an operator sees it.
type SpendState struct {
	ID         string     `json:"id"`
	Subject    string     `json:"subject"`
	ClientID   string     `json:"client_id"`
	Unit       string     `json:"unit"`
	Once       string     `json:"once,omitempty"` // what is paid once, such as a payment hash
	Route      string     `json:"route"`
	State      string     `json:"state"`
	Held       int64      `json:"held"` // that was reserved
	Cost       int64      `json:"cost"` // of what was posted
	ReservedAt time.Time  `json:"reserved_at"`
	SettledAt  *time.Time `json:"settled_at,omitempty"`
	InquireAt  *time.Time `json:"inquire_at,omitempty"` // when it is found out what became of it
	Inquiries  int        `json:"inquiries"`            // that were made
}

func spendStateOf(s registry.Spend) SpendState {
	state := SpendState{
		ID: s.ID, Subject: s.Subject, ClientID: s.ClientID, Unit: s.Unit, Once: s.Once, Route: s.Route, State: s.State, Held: s.Amount,
		Cost: s.Cost, ReservedAt: s.ReservedAt, Inquiries: s.Inquiries,
	}
	if s.IsSettled() {
		state.SettledAt = &s.SettledAt
	} else {
		state.InquireAt = &s.InquireAt
	}
	return state
}

func spendStatesOf(spends []registry.Spend) []SpendState {
	states := make([]SpendState, len(spends))
	for i, s := range spends {
		states[i] = spendStateOf(s)
	}
	return states
}

// ledger is the ledger as this operator changes it.
func (o *Operator) ledger() *budget.Ledger {
	ledger := budget.Ledger{Default: budget.Unlimited}
	if o.Budgets != nil {
		ledger = *o.Budgets
	}
	ledger.Registry = o.by()
	return &ledger
}

// BudgetsOf returns what a user lets clients spend, as it stands now; with a clientID only that client.
func (o *Operator) BudgetsOf(ctx context.Context, subject, clientID string) ([]BudgetState, error) {
	budgets, err := o.ledger().OfSubject(ctx, subject)
	states := make([]BudgetState, 0, len(budgets))
	for _, b := range budgets {
		if clientID == "" || b.ClientID == clientID {
			states = append(states, budgetStateOf(b))
		}
	}
	return states, err
}

// SetBudget holds a client to a limit of a user's from now on, and returns the budget as it stands then. registry.ErrNotFound for a
// client that does not exist; nobody can tell whether a subject does.
func (o *Operator) SetBudget(ctx context.Context, key registry.BudgetKey, to budget.Limit) (BudgetState, error) {
	units := slices.Compact(slices.Sorted(maps.Values(o.SpendUnits)))
	if len(units) > 0 && !slices.Contains(units, key.Unit) {
		return BudgetState{}, invalid(fmt.Errorf("unit: no route spends %q, but %s", key.Unit, strings.Join(units, ", ")))
	}
	if _, err := o.Registry.Client(ctx, key.ClientID); err != nil {
		return BudgetState{}, err
	}
	set, err := o.ledger().Set(ctx, key, to)
	switch {
	case errors.Is(err, budget.ErrBadLimit), errors.Is(err, budget.ErrUnlimited):
		return BudgetState{}, invalid(err)
	case err != nil:
		return BudgetState{}, err
	}
	o.note(ctx, "budget set", slog.String("subject", key.Subject), slog.String("client_id", key.ClientID), slog.String("unit", key.Unit))
	return budgetStateOf(set), nil
}

// Spends returns a page of at most limit payments of a client for a user, newest first, that follow the one with the ID after;
// "" for the first page. An *client.InvalidError when there is no such ID.
func (o *Operator) Spends(ctx context.Context, subject, clientID, after string, limit int) ([]SpendState, error) {
	last, err := o.spendBefore(ctx, after)
	if err != nil {
		return nil, err
	}
	spends, err := o.Registry.Spends(ctx, subject, clientID, last, limit)
	return spendStatesOf(spends), err
}

// UnknownSpends is Spends for the payments of all users and clients of which it is not known what became, oldest first.
func (o *Operator) UnknownSpends(ctx context.Context, after string, limit int) ([]SpendState, error) {
	last, err := o.spendBefore(ctx, after)
	if err != nil {
		return nil, err
	}
	spends, err := o.Registry.UnknownSpends(ctx, last, limit)
	return spendStatesOf(spends), err
}

func (o *Operator) spendBefore(ctx context.Context, id string) (registry.Spend, error) {
	if id == "" {
		return registry.Spend{}, nil
	}
	s, err := o.Registry.Spend(ctx, id)
	if errors.Is(err, registry.ErrNotFound) {
		err = invalid(fmt.Errorf("after: there is no payment %q", id))
	}
	return s, err
}

// ErrInFlight is the error of ResolveSpend for a payment whose request may still be in flight. It becomes unknown by itself.
var ErrInFlight = errors.New("its request may be in flight, and its gateway may say what became of it")

// ResolveSpend says what became of a payment of which it is unknown: it was executed at a cost (posted), or was not and will not be
// (voided). Saying the same again is no error. ErrInFlight; registry.ErrSettled where it is known to be otherwise;
// registry.ErrNotFound.
func (o *Operator) ResolveSpend(ctx context.Context, id string, to registry.Outcome) (SpendState, error) {
	if to.State != registry.Posted && to.State != registry.Voided {
		return SpendState{}, invalid(errors.New("state: it is posted or voided"))
	}
	s, err := o.Registry.Spend(ctx, id)
	switch {
	case err != nil:
		return SpendState{}, err
	case s.State == registry.Held:
		return spendStateOf(s), ErrInFlight
	}
	wasKnown := s.IsSettled()
	if s, err = o.ledger().Settle(ctx, id, to); err != nil {
		return spendStateOf(s), err
	}
	if !wasKnown {
		o.note(ctx, "payment resolved", slog.String("spend", id), slog.String("state", s.State), slog.Int64("cost", s.Cost))
	}
	return spendStateOf(s), nil
}

func invalid(problem error) error { return &client.InvalidError{Problems: []error{problem}} }
