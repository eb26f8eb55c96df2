package account

import (
	"context"
	"net/http"
	"time"

	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
)

// connection is an application that the user gave access to.
type connection struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	ImageURL string            `json:"imageUrl"`
	URL      string            `json:"url"`
	Domain   string            `json:"domain"`
	Scopes   map[string]string `json:"scopes"`
	// Resources are where its access is good, each URL with its name; none: at the issuer's own alone.
	Resources map[string]string `json:"resources,omitempty"`
	// Since is when the first of the user's grants was made, LastUsedOn the day on which any was used last; null: none yet.
	Since      time.Time `json:"since"`
	LastUsedOn *string   `json:"lastUsedOn"`
	// Budgets are how much it may spend, by unit.
	Budgets []budget.Statement `json:"budgets,omitempty"`
}

// handleConnections lists the applications that the signed-in user is connected with.
func (h *Handler) handleConnections(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	subject, err := h.Authenticate(ctx, r, nil)
	if err != nil {
		h.Failures.Answer(w, r, err)
		return
	}
	connections, err := h.connectionsOf(ctx, subject)
	if err != nil {
		h.Failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, connections)
}

// connectionsOf are the user's connections, one a client, the latest first.
func (h *Handler) connectionsOf(ctx context.Context, subject string) ([]connection, error) {
	known, err := h.Registry.ConnectionsOf(ctx, subject)
	if err != nil {
		return nil, err
	}
	budgets, err := h.budgetsOf(ctx, subject)
	if err != nil {
		return nil, err
	}
	connections := make([]connection, len(known))
	for i, c := range known {
		connections[i] = connection{
			ID:       c.ClientID,
			Name:     client.ShownName(c.Name, c.ClientID),
			ImageURL: c.ImageURL,
			URL:      c.URL,
			Domain:   domainOf(c),
			Scopes:   h.Scopes.Describe(c.Scopes),
			Since:    c.Since.Truncate(time.Second),
		}
		if !c.LastUsedOn.IsZero() {
			day := c.LastUsedOn.Format(time.DateOnly)
			connections[i].LastUsedOn = &day
		}
		for _, resource := range h.Resources(c.Resources) {
			if connections[i].Resources == nil {
				connections[i].Resources = map[string]string{}
			}
			connections[i].Resources[resource.URL] = resource.Name
		}
		for _, unit := range h.Units.Of(c.Scopes) {
			connections[i].Budgets = append(connections[i].Budgets, budget.StatementOf(budgets.of(c.ClientID, unit)))
		}
	}
	return connections, nil
}
