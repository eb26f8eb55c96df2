package authz

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"gatehouse/authz/internal/text"
	"gatehouse/registry"
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
}

// handleConnections lists the applications that the signed-in user is connected with.
func (s *Server) handleConnections(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	subject, err := s.authenticateUser(ctx, r, nil)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	connections, err := s.connectionsOf(ctx, subject)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, connections)
}

// connectionsOf merges the user's live grants into one connection a client, the latest first.
func (s *Server) connectionsOf(ctx context.Context, subject string) ([]*connection, error) {
	grants, err := s.registry.GrantsOf(ctx, subject)
	if err != nil {
		return nil, err
	}
	connections, byClient := []*connection{}, map[string]*connection{}
	for _, grant := range grants {
		c, known := byClient[grant.ClientID]
		if !known {
			client, err := s.registry.Client(ctx, grant.ClientID)
			if errors.Is(err, registry.ErrNotFound) {
				continue // deleted since the grants were read
			}
			if err != nil {
				return nil, err
			}
			c = &connection{
				ID:       client.ID,
				Name:     client.Name,
				ImageURL: client.ImageURL,
				URL:      client.URL,
				Domain:   hostOf(grant.RedirectURI),
				Scopes:   map[string]string{},
			}
			byClient[grant.ClientID] = c
			connections = append(connections, c)
		}
		for name, description := range s.scopes.describe(grant.Scopes) {
			c.Scopes[name] = description
		}
	}
	return connections, nil
}

// handleDisconnect takes back everything that the signed-in user gave an application. 204 means that every gateway knows,
// but for those that it says it could not hear from.
func (s *Server) handleDisconnect(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	subject, err := s.authenticateUser(ctx, r, nil)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	clientID := r.PathValue("clientId")
	if !text.IsStorable(clientID) {
		s.fail(w, r, errNotFound)
		return
	}
	ended, err := s.registry.EndGrants(ctx, subject, clientID, reasonDisconnected)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	// Also when there was nothing to end: this may be the next try after a 503.
	unconfirmed, err := s.issuer.relay.Confirm(ctx)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if ended == 0 {
		s.fail(w, r, errNotFound.WithHint("The user is not connected with this client."))
		return
	}
	s.log.InfoContext(ctx, "client disconnected", slog.String("client_id", clientID), slog.Int("grants", ended))
	sayUnconfirmed(w, unconfirmed)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

// hostOf is the host and port of a redirect URI; empty for the scheme of a native application without one.
func hostOf(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil {
		return ""
	}
	return u.Host
}
