package account

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"gatehouse/authz/browser"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/budgetform"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

const (
	paymentsPath = "/account/payments"
	afterField   = "after"
	// paymentsShown are those on one page.
	paymentsShown = 20
)

// states are what users are told about what became of a payment.
var states = map[string]string{
	registry.Held: "payments.held", registry.Posted: "payments.posted", registry.Voided: "payments.voided", registry.Unknown: "payments.unknown",
}

// showPayments lists what an application has spent, the latest first.
func (h *Handler) showPayments(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	v, c, ok := h.openConnection(ctx, w, r, query.Get(clientField))
	if !ok {
		return nil
	}
	var after registry.Spend
	if id := query.Get(afterField); id != "" {
		found, err := h.Registry.Spend(ctx, id)
		switch {
		case errors.Is(err, registry.ErrNotFound), errors.Is(err, registry.ErrInvalid),
			err == nil && (found.Subject != v.Session.Subject || found.ClientID != c.ClientID): // from the beginning, then
		case err != nil:
			return err
		default:
			after = found
		}
	}
	spends, err := h.Registry.Spends(ctx, v.Session.Subject, c.ClientID, after, paymentsShown+1)
	if err != nil {
		return err
	}
	view := page.Payments{Application: client.ShownName(c.Name, c.ClientID), Back: h.Pages.Link(browser.AccountPath)}
	if len(spends) > paymentsShown {
		spends = spends[:paymentsShown]
		next := url.Values{clientField: {c.ClientID}, afterField: {spends[paymentsShown-1].ID}}
		view.Next = h.Pages.Link(paymentsPath + "?" + next.Encode())
	}
	for _, spend := range spends {
		view.Payments = append(view.Payments, h.paymentView(spend))
	}
	h.Pages.Show(w, r, http.StatusOK, view)
	return nil
}

func (h *Handler) paymentView(spend registry.Spend) page.Payment {
	at := h.Budgets.Local(spend.ReservedAt)
	shown := page.Payment{
		Amount: budgetform.SayAmount(spend.Amount, spend.Unit), State: page.Say(states[spend.State]), Day: at, Clock: at.Format("15:04"), Route: spend.Route,
		IsOpen: !spend.IsSettled(), IsVoided: spend.State == registry.Voided,
	}
	if spend.State == registry.Posted {
		shown.Amount = budgetform.SayAmount(spend.Cost, spend.Unit)
	}
	return shown
}
