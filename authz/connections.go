package authz

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/outbox"
)

const reasonDisconnected = "disconnected"

// connection is an application that the user gave access to.
type connection struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	ImageURL string            `json:"imageUrl"`
	URL      string            `json:"url"`
	Domain   string            `json:"domain"`
	Scopes   map[string]string `json:"scopes"`
	// Since is when the first of the user's grants was made, LastUsedOn the day on which any was used last; null: none yet.
	Since      time.Time `json:"since"`
	LastUsedOn *string   `json:"lastUsedOn"`
	// Budgets are how much it may spend, by unit.
	Budgets []budget.Statement `json:"budgets,omitempty"`
}

// handleConnections lists the applications that the signed-in user is connected with.
func (s *Server) handleConnections(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	subject, err := s.authenticateUser(ctx, r, nil)
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	connections, err := s.connectionsOf(ctx, subject)
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, connections)
}

// connectionsOf are the user's connections, one a client, the latest first.
func (s *Server) connectionsOf(ctx context.Context, subject string) ([]connection, error) {
	known, err := s.registry.ConnectionsOf(ctx, subject)
	if err != nil {
		return nil, err
	}
	budgets, err := s.budgetsOf(ctx, subject)
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
			Domain:   client.HostOf(c.RedirectURI),
			Scopes:   s.scopes.describe(c.Scopes),
			Since:    c.Since.Truncate(time.Second),
		}
		if !c.LastUsedOn.IsZero() {
			day := c.LastUsedOn.Format(time.DateOnly)
			connections[i].LastUsedOn = &day
		}
		for _, unit := range s.unitsOf(c.Scopes) {
			connections[i].Budgets = append(connections[i].Budgets, budget.StatementOf(budgets.of(c.ClientID, unit)))
		}
	}
	return connections, nil
}

// handleDisconnect takes back everything that the signed-in user gave an application. 204 means that every gateway knows,
// but for those that it says it could not hear from.
func (s *Server) handleDisconnect(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	subject, err := s.authenticateUser(ctx, r, nil)
	if err != nil {
		s.failures.AnswerRevocation(w, r, err)
		return
	}
	clientID := r.PathValue("clientId")
	if !text.IsStorable(clientID) {
		s.failures.Answer(w, r, endpoint.ErrNotFound)
		return
	}
	ended, unconfirmed, err := s.disconnect(ctx, subject, clientID)
	if err != nil {
		s.failures.AnswerRevocation(w, r, err)
		return
	}
	if ended == 0 {
		s.failures.Answer(w, r, endpoint.ErrNotFound.WithHint("The user is not connected with this client."))
		return
	}
	endpoint.SayUnconfirmed(w, unconfirmed)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

// disconnect takes back everything that the user gave the client, or with an empty clientID every client, and waits for the
// gateways. ended is how many grants there were, also beside outbox.ErrUndelivered.
func (s *Server) disconnect(ctx context.Context, subject, clientID string) (ended, unconfirmed int, err error) {
	err = s.issuer.turns.take(ctx, subject, func() (err error) {
		if clientID == "" {
			ended, err = s.registry.EndGrantsOfSubject(ctx, subject, reasonDisconnected)
		} else {
			ended, err = s.registry.EndGrants(ctx, subject, clientID, reasonDisconnected)
		}
		return err
	})
	if err != nil {
		return ended, 0, err
	}
	if ended > 0 {
		s.log.InfoContext(ctx, "client disconnected", slog.String("client_id", clientID), slog.Int("grants", ended))
	}
	// Also when there was nothing to end: this may be the next try after a 503.
	unconfirmed, err = s.issuer.deliverOf(ctx, subject)
	return ended, unconfirmed, err
}

// deliverOf delivers what was taken back of the subject, and waits for the gateways. What a user has waiting can be much, so this is a
// step, too.
func (i *issuer) deliverOf(ctx context.Context, subject string) (unconfirmed int, err error) {
	own := outbox.RevokedOf(subject)
	if err := i.turns.take(ctx, subject, func() error { return i.relay.Deliver(ctx, own) }); err != nil {
		return 0, err
	}
	return i.relay.Confirm(ctx, own)
}
