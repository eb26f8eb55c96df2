package admin

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/ory/fosite"

	"gatehouse/authz/budget"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/registry"
)

// spendPage is how many payments an answer lists.
const spendPage = 100

// limitBody is what a client may spend. A limit of null is none.
type limitBody struct {
	Subject    string          `json:"subject"`
	ClientID   string          `json:"client_id"`
	Unit       string          `json:"unit"`
	Most       json.RawMessage `json:"limit"` // required, so that one that is left out is not none
	Period     budget.Period   `json:"period"`
	MaxPayment *int64          `json:"max_payment"`
}

func (b limitBody) limit() (budget.Limit, error) {
	if len(b.Most) == 0 {
		return budget.Limit{}, fosite.ErrInvalidRequest.WithHint("The limit is required, null for none.")
	}
	var most *int64
	if err := json.Unmarshal(b.Most, &most); err != nil || isNegative(most) || isNegative(b.MaxPayment) {
		return budget.Limit{}, fosite.ErrInvalidRequest.WithHint("A limit is a whole number of 0 or more, or null for none.")
	}
	limit := budget.Limit{Most: orNoLimit(most), Period: b.Period, MostAtOnce: orNoLimit(b.MaxPayment)}
	if limit.IsUnlimited() {
		limit.Period = cmp.Or(limit.Period, budget.None)
	}
	return limit, nil
}

// outcomeBody is what became of a payment.
type outcomeBody struct {
	State string `json:"state"`
	Cost  *int64 `json:"cost"` // required of what was posted
}

// listBudgets shows what a user lets clients spend.
func (a *API) listBudgets(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	query := r.URL.Query()
	if query.Get("subject") == "" {
		a.Failures.Answer(w, r, fosite.ErrInvalidRequest.WithHint("The subject is required."))
		return
	}
	budgets, err := a.operator(r).BudgetsOf(ctx, query.Get("subject"), query.Get("client_id"))
	if err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, budgets)
}

// setBudget holds a client to a limit of a user's.
func (a *API) setBudget(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	var body limitBody
	if err := endpoint.ReadJSON(w, r, &body); err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	limit, err := body.limit()
	if err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	set, err := a.operator(r).SetBudget(ctx, registry.BudgetKey{Subject: body.Subject, ClientID: body.ClientID, Unit: body.Unit}, limit)
	if errors.Is(err, registry.ErrNotFound) {
		err = endpoint.ErrNotFound.WithHint("There is no such client.")
	}
	if err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, set)
}

func isNegative(n *int64) bool { return n != nil && *n < 0 }

func orNoLimit(n *int64) int64 {
	if n == nil {
		return budget.NoLimit
	}
	return *n
}

// listSpends lists the payments of a client for a user, or all of which it is not known what became.
func (a *API) listSpends(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	query := r.URL.Query()
	subject, clientID, after := query.Get("subject"), query.Get("client_id"), query.Get("after")
	var spends []SpendState
	var err error
	switch state := query.Get("state"); {
	case state == registry.Unknown && subject == "" && clientID == "":
		spends, err = a.operator(r).UnknownSpends(ctx, after, spendPage)
	case state == "" && subject != "" && clientID != "":
		spends, err = a.operator(r).Spends(ctx, subject, clientID, after, spendPage)
	default:
		err = fosite.ErrInvalidRequest.WithHint("Either subject and client_id are required, or state=unknown.")
	}
	if err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, spends)
}

// resolveSpend says what became of a payment. 409 says that its request may be in flight, or that something else is known.
func (a *API) resolveSpend(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	var body outcomeBody
	if err := endpoint.ReadJSON(w, r, &body); err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	if body.State == registry.Posted && body.Cost == nil {
		a.Failures.Answer(w, r, fosite.ErrInvalidRequest.WithHint("The cost is required of what was posted."))
		return
	}
	to := registry.Outcome{State: body.State}
	if body.Cost != nil {
		to.Cost = *body.Cost
	}
	resolved, err := a.operator(r).ResolveSpend(ctx, r.PathValue("id"), to)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		err = endpoint.ErrNotFound.WithHint("There is no such payment.")
	case errors.Is(err, ErrInFlight):
		err = endpoint.ErrConflict.WithHint("The request of the payment may be in flight. It becomes unknown when its gateway is not heard from.")
	case errors.Is(err, registry.ErrSettled):
		err = endpoint.ErrConflict.WithHintf("The payment is %s already, at a cost of %d.", resolved.State, resolved.Cost)
	}
	if err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, resolved)
}
