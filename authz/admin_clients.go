package authz

import (
	"errors"
	"log/slog"
	"net/http"

	"gatehouse/registry"
)

// clientAnswer is a client as the predecessor's get, list and update show it.
type clientAnswer struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	ImageURL string `json:"imageUrl"`
	URL      string `json:"url"`
}

func answerOf(c registry.Client) clientAnswer {
	return clientAnswer{ID: c.ID, Name: c.Name, ImageURL: c.ImageURL, URL: c.URL}
}

// createdAnswer is a client as the predecessor's create shows it: the only time that a secret is seen.
type createdAnswer struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret,omitempty"`
	Name         string `json:"name"`
	ImageURL     string `json:"imageUrl"`
	URL          string `json:"url"`
}

func (s *Server) createClient(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline()
	defer cancel()

	var body createBody
	if err := readJSON(w, r, &body); err != nil {
		s.fail(w, r, err)
		return
	}
	if err := body.check(s.scopes); err != nil {
		s.fail(w, r, err)
		return
	}
	client, secret := body.client(), ""
	client.ID = newClientID()
	if !client.Public {
		secret = NewSecret()
		client.SecretHash = HashGenerated(secret)
	}
	if err := s.registry.CreateClient(ctx, client); err != nil {
		s.fail(w, r, err)
		return
	}
	s.log.Info("client created", slog.String("client_id", client.ID), slog.Bool("public", client.Public))
	writeJSON(w, http.StatusOK, createdAnswer{
		ClientID:     client.ID,
		ClientSecret: secret,
		Name:         client.Name,
		ImageURL:     client.ImageURL,
		URL:          client.URL,
	})
}

func (s *Server) listClients(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline()
	defer cancel()

	clients, err := s.registry.Clients(ctx)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer := make([]clientAnswer, len(clients))
	for i, c := range clients {
		answer[i] = answerOf(c)
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) showClient(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline()
	defer cancel()

	client, err := s.registry.Client(ctx, r.PathValue("clientId"))
	if err != nil {
		s.failClient(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answerOf(client))
}

func (s *Server) updateClient(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline()
	defer cancel()

	var body updateBody
	if err := readJSON(w, r, &body); err != nil {
		s.fail(w, r, err)
		return
	}
	if err := body.check(); err != nil {
		s.fail(w, r, err)
		return
	}
	client, err := s.registry.UpdateClient(ctx, r.PathValue("clientId"), body.apply)
	if err != nil {
		s.failClient(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answerOf(client))
}

// deleteClient removes the client and denies every token it holds. 204 means that every gateway knows.
func (s *Server) deleteClient(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline()
	defer cancel()

	id := r.PathValue("clientId")
	err := s.registry.DeleteClient(ctx, id, s.now().Add(s.issuer.maxAccessLifespan))
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		s.failClient(w, r, err)
		return
	}
	// Also when it was deleted before: this may be the next try after a 503.
	if err := s.issuer.deliver(ctx); err != nil {
		s.fail(w, r, err)
		return
	}
	if err != nil {
		s.failClient(w, r, err)
		return
	}
	s.log.Info("client deleted", slog.String("client_id", id))
	w.WriteHeader(http.StatusNoContent)
}

// rotateSecret gives the client a new secret; the old one is void at once.
func (s *Server) rotateSecret(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline()
	defer cancel()

	id := r.PathValue("clientId")
	client, err := s.registry.Client(ctx, id)
	if err != nil {
		s.failClient(w, r, err)
		return
	}
	if client.Public {
		s.fail(w, r, errPublicSecret)
		return
	}
	secret := NewSecret()
	if err := s.registry.SetClientSecret(ctx, id, HashGenerated(secret)); err != nil {
		s.failClient(w, r, err)
		return
	}
	s.log.Info("client secret replaced", slog.String("client_id", id))
	writeJSON(w, http.StatusOK, createdAnswer{
		ClientID:     id,
		ClientSecret: secret,
		Name:         client.Name,
		ImageURL:     client.ImageURL,
		URL:          client.URL,
	})
}

// failClient answers 404 for a client that does not exist, or could not: an id that is no text.
func (s *Server) failClient(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, registry.ErrNotFound) || errors.Is(err, registry.ErrInvalid) {
		err = errNotFound.WithHint("There is no such client.")
	}
	s.fail(w, r, err)
}
