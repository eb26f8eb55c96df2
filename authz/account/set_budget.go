package account

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/ory/fosite"

	"gatehouse/authz/budget"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

// handleSetBudget holds an application to another limit, for its signed-in user.
func (h *Handler) handleSetBudget(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	subject, err := h.Authenticate(ctx, r, nil)
	if err != nil {
		h.Failures.Answer(w, r, err)
		return
	}
	raw, err := endpoint.ReadJSONBody(w, r)
	if err != nil {
		h.Failures.Answer(w, r, err)
		return
	}
	set, err := h.setBudget(ctx, subject, clientIDOf(r), raw)
	if err != nil {
		h.Failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, budget.StatementOf(set))
}

func (h *Handler) setBudget(ctx context.Context, subject, clientID string, body []byte) (set registry.Budget, err error) {
	if !text.IsStorable(clientID) {
		return set, endpoint.ErrNotFound
	}
	connections, err := h.Registry.ConnectionsOf(ctx, subject)
	if err != nil {
		return set, err
	}
	at := slices.IndexFunc(connections, func(c registry.Connection) bool { return c.ClientID == clientID })
	if at < 0 {
		return set, endpoint.ErrNotFound.WithHint("The user is not connected with this client.")
	}
	wanted, err := budget.ParseDetail(body)
	if err != nil {
		return set, fosite.ErrInvalidRequest.WithHint(endpoint.AsSentence(budget.Reason(err)))
	}
	units := h.Units.Of(connections[at].Scopes)
	if wanted.Unit == "" && len(units) == 1 {
		wanted.Unit = units[0]
	}
	if !slices.Contains(units, wanted.Unit) {
		return set, fosite.ErrInvalidRequest.WithHint("The 'unit' is none that the client can spend.")
	}
	key := registry.BudgetKey{Subject: subject, ClientID: clientID, Unit: wanted.Unit}
	switch _, err = h.Budgets.Set(ctx, key, wanted.Limit); {
	case errors.Is(err, budget.ErrUnlimited):
		return set, fosite.ErrInvalidRequest.WithHint("A limit is required here.")
	case err != nil:
		return set, err
	}
	set, _, err = h.Budgets.Of(ctx, key)
	return set, err
}
