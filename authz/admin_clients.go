package authz

import (
	"errors"
	"net/http"

	"gatehouse/registry"
)

func (s *Server) createClient(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	var body createBody
	if err := s.readClient(w, r, &body); err != nil {
		s.fail(w, r, err)
		return
	}
	client, secret, err := s.operator(r).CreateClient(ctx, body.settings())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, createdAnswerOf(client, secret))
}

func (s *Server) listClients(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	clients, err := s.operator(r).Clients(ctx)
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
	ctx, cancel := deadline(r)
	defer cancel()

	client, err := s.operator(r).Client(ctx, r.PathValue("clientId"))
	if err != nil {
		s.failClient(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answerOf(client))
}

func (s *Server) updateClient(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	var body updateBody
	if err := s.readClient(w, r, &body, unchangeable...); err != nil {
		s.fail(w, r, err)
		return
	}
	client, err := s.operator(r).UpdateClient(ctx, r.PathValue("clientId"), body.change())
	if err != nil {
		s.failClient(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, updatedAnswer{answerOf(client), client.ID})
}

// deleteClient removes the client and denies every token it holds. 204 means that every gateway knows, but for those that it
// says it could not hear from.
func (s *Server) deleteClient(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	unconfirmed, err := s.operator(r).DeleteClient(ctx, r.PathValue("clientId"))
	switch {
	case errors.Is(err, registry.ErrNotFound), errors.Is(err, registry.ErrInvalid):
		s.failClient(w, r, err)
		return
	case err != nil:
		s.failRevocation(w, r, err)
		return
	}
	sayUnconfirmed(w, unconfirmed)
	w.WriteHeader(http.StatusNoContent)
}

// rotateSecret gives the client a new secret; the old one is void at once.
func (s *Server) rotateSecret(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	operator, id := s.operator(r), r.PathValue("clientId")
	client, err := operator.Client(ctx, id)
	if err != nil {
		s.failClient(w, r, err)
		return
	}
	secret, err := operator.NewSecret(ctx, id)
	if err != nil {
		s.failClient(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, createdAnswerOf(client, secret))
}

// failClient answers 404 for a client that does not exist, and for an id that is not text, which no client can have.
func (s *Server) failClient(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, registry.ErrNotFound) || errors.Is(err, registry.ErrInvalid) {
		err = errNotFound.WithHint("There is no such client.")
	}
	s.fail(w, r, err)
}
