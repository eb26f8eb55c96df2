package authz

import (
	"context"
	"net/http"
	"slices"

	"github.com/ory/fosite"

	"gatehouse/authz/budget"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/registry"
)

// ownBudget is what NIP-47 tells an application about its budget (get_budget), and besides it what is held for payments that are
// under way. An application without a limit is told nothing.
type ownBudget struct {
	Used       int64  `json:"used_budget"`
	Total      int64  `json:"total_budget"`
	Held       int64  `json:"held"`
	MaxPayment *int64 `json:"max_payment,omitempty"`
	RenewsAt   int64  `json:"renews_at,omitempty"` // in Unix seconds
	Renewal    string `json:"renewal_period"`
	Unit       string `json:"unit"`
}

// handleOwnBudget tells the bearer of an access token what it may spend, and has spent, of the unit that it names, or of the only one.
func (s *Server) handleOwnBudget(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	answer, err := s.ownBudget(ctx, w, r)
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	if answer == nil {
		endpoint.WriteJSON(w, http.StatusOK, struct{}{})
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, answer)
}

// ownBudget is nil where there is no limit, or nothing that could be spent.
func (s *Server) ownBudget(ctx context.Context, w http.ResponseWriter, r *http.Request) (*ownBudget, error) {
	claims, err := s.shownClaims(ctx, w, r)
	if err != nil {
		return nil, err
	}
	units := s.spendUnits.Of(claims.Scopes)
	if claims.GrantID == "" {
		units = nil // a client of its own can spend nothing
	}
	unit := r.URL.Query().Get("unit")
	switch {
	case unit == "" && len(units) == 1:
		unit = units[0]
	case unit == "" && len(units) > 1:
		return nil, fosite.ErrInvalidRequest.WithHint("The token can spend several units: parameter 'unit' has to say which is meant.")
	case !slices.Contains(units, unit):
		return nil, nil
	}
	b, _, err := s.budgets.Of(ctx, registry.BudgetKey{Subject: claims.Subject, ClientID: claims.ClientID, Unit: unit})
	if err != nil || b.Most == budget.NoLimit {
		return nil, err
	}
	answer := &ownBudget{
		Used: b.Spent, Total: b.Most, Held: b.Held, MaxPayment: budget.OrNull(b.MostAtOnce), Renewal: budget.Period(b.Period).Renewal(), Unit: b.Unit,
	}
	if renews := budget.RenewsAt(b); !renews.IsZero() {
		answer.RenewsAt = renews.Unix()
	}
	return answer, nil
}
