package authz

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"

	"github.com/ory/fosite"

	"gatehouse/authz/budget"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/registry"
)

// How a client asks for a budget: authorization details (RFC 9396), or in short as wallet applications do it with Nostr Wallet Connect.
const (
	detailsField   = "authorization_details"
	maxAmountField = "max_amount"
	renewalField   = "budget_renewal"
)

var errInvalidDetails = &fosite.RFC6749Error{
	ErrorField: "invalid_authorization_details", DescriptionField: "The authorization details are not understood, or cannot be granted.",
	CodeField: http.StatusBadRequest,
}

// readAsked are the limits that a request asks for, by unit, out of those that its scopes spend.
func (s *Server) readAsked(form url.Values, scopes []string) (map[string]budget.Limit, error) {
	units := s.spendUnits.Of(scopes)
	asked := map[string]budget.Limit{}
	if form.Has(detailsField) {
		details, err := budget.ParseDetails(form.Get(detailsField))
		if err != nil {
			return nil, asDetailsError(err)
		}
		for _, d := range details {
			if !slices.Contains(units, d.Unit) {
				return nil, errInvalidDetails.WithHintf("None of the requested scopes spends '%s'.", d.Unit)
			}
			asked[d.Unit] = d.Limit
		}
	}
	if err := s.readShortForm(form, units, asked); err != nil {
		return nil, err
	}
	for _, limit := range asked {
		if err := s.budgets.Check(limit); err != nil {
			return nil, asDetailsError(err)
		}
	}
	return asked, nil
}

// readShortForm adds what the short form asks for. Where nothing is spent it says nothing, and neither does a renewal without an amount.
func (s *Server) readShortForm(form url.Values, units []string, asked map[string]budget.Limit) error {
	if !form.Has(maxAmountField) || len(units) == 0 {
		return nil
	}
	if len(units) > 1 {
		return fosite.ErrInvalidRequest.WithHint("The requested scopes spend several units: 'authorization_details' can say which is meant.")
	}
	limit, err := budget.ParseShortForm(form.Get(maxAmountField), form.Get(renewalField))
	if err != nil {
		return fosite.ErrInvalidRequest.WithHint(endpoint.AsSentence(budget.Reason(err)))
	}
	if other, twice := asked[units[0]]; twice && other != limit {
		return fosite.ErrInvalidRequest.WithHint("Parameters 'authorization_details' and 'max_amount' ask for different budgets.")
	}
	asked[units[0]] = limit
	return nil
}

func asDetailsError(err error) error {
	switch {
	case errors.Is(err, budget.ErrBadDetails):
		return errInvalidDetails.WithHint(endpoint.AsSentence(budget.Reason(err)))
	case errors.Is(err, budget.ErrUnlimited):
		return errInvalidDetails.WithHint("A limit is required here.")
	case errors.Is(err, budget.ErrBadLimit):
		return errInvalidDetails.WithHint("There can be no such limit.")
	}
	return err
}

// decideUnseen is what becomes of the budgets of an authorization that no page of ours showed: a client gets what it asks for where
// the user has given it no budget yet. A budget that there is becomes smaller, and never larger.
func (s *Server) decideUnseen(ctx context.Context, subject string, a *authorization) (decided []registry.Decision, err error) {
	for _, unit := range s.spendUnits.Of(a.request.GetRequestedScopes()) {
		limit, asks := a.budgets[unit]
		if !asks {
			continue
		}
		key := registry.BudgetKey{Subject: subject, ClientID: a.client.ID, Unit: unit}
		now, exists, err := s.budgets.Of(ctx, key)
		if err != nil {
			return nil, err
		}
		if exists && (!limit.AllowsNoMoreThan(budget.LimitOf(now)) || budget.IsDecided(now) && limit == budget.LimitOf(now)) {
			continue // it would be more, or changes nothing
		}
		d, err := s.budgets.Decide(ctx, key, limit, now.Revision)
		if err != nil {
			return nil, err
		}
		decided = append(decided, d)
	}
	return decided, nil
}

// hasBudgets reports whether the user has given the client all that it asks for already.
func (s *Server) hasBudgets(ctx context.Context, subject string, a *authorization) (bool, error) {
	for unit, limit := range a.budgets {
		now, exists, err := s.budgets.Of(ctx, registry.BudgetKey{Subject: subject, ClientID: a.client.ID, Unit: unit})
		if err != nil || !exists || !limit.AllowsNoMoreThan(budget.LimitOf(now)) {
			return false, err
		}
	}
	return true, nil
}

// grantedDetails are what a client may spend for a user with the scopes, as far as there is something to say: the user has decided
// about it, or there is a limit.
func (s *Server) grantedDetails(ctx context.Context, subject, clientID string, scopes []string) ([]budget.Detail, error) {
	var granted []budget.Detail
	for _, unit := range s.spendUnits.Of(scopes) {
		now, _, err := s.budgets.Of(ctx, registry.BudgetKey{Subject: subject, ClientID: clientID, Unit: unit})
		if err != nil {
			return nil, err
		}
		if limit := budget.LimitOf(now); budget.IsDecided(now) || !limit.IsUnlimited() {
			granted = append(granted, budget.Detail{Unit: unit, Limit: limit})
		}
	}
	return granted, nil
}

// addDetails puts them into a token answer (RFC 9396 section 7). The tokens are made by now, so an answer goes out without rather than
// not at all.
func (s *Server) addDetails(ctx context.Context, answer map[string]any, to *session, scopes []string) {
	if to.grant.ID == "" {
		return // a client of its own can spend nothing
	}
	granted, err := s.grantedDetails(ctx, to.subject, to.clientID, scopes)
	if err != nil {
		s.log.WarnContext(ctx, "token answer without authorization details", slog.Any("cause", err))
		return
	}
	if len(granted) > 0 {
		answer[detailsField] = granted
	}
}
