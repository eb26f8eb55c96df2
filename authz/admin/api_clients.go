package admin

import (
	"errors"
	"net/http"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/registry"
)

func (a *API) createClient(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	var body createBody
	if err := a.readClient(w, r, &body); err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	client, secret, err := a.operator(r).CreateClient(ctx, body.settings())
	if err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, createdAnswerOf(client, secret))
}

func (a *API) listClients(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	clients, err := a.operator(r).Clients(ctx)
	if err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	answer := make([]clientAnswer, len(clients))
	for i, c := range clients {
		answer[i] = answerOf(c)
	}
	endpoint.WriteJSON(w, http.StatusOK, answer)
}

func (a *API) showClient(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	client, err := a.operator(r).Client(ctx, r.PathValue("clientId"))
	if err != nil {
		a.failClient(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, answerOf(client))
}

func (a *API) updateClient(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	var body updateBody
	if err := a.readClient(w, r, &body, unchangeable...); err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	client, err := a.operator(r).UpdateClient(ctx, r.PathValue("clientId"), body.change())
	if err != nil {
		a.failClient(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, updatedAnswer{answerOf(client), client.ID})
}

// deleteClient removes the client and denies every token it holds. 204 means that every gateway knows, but for those that it
// says it could not hear from.
func (a *API) deleteClient(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	unconfirmed, err := a.operator(r).DeleteClient(ctx, r.PathValue("clientId"))
	switch {
	case errors.Is(err, registry.ErrNotFound), errors.Is(err, registry.ErrInvalid):
		a.failClient(w, r, err)
		return
	case err != nil:
		a.Failures.AnswerRevocation(w, r, err)
		return
	}
	endpoint.SayUnconfirmed(w, unconfirmed)
	w.WriteHeader(http.StatusNoContent)
}

// rotateSecret gives the client a new secret; the old one is void at once.
func (a *API) rotateSecret(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	operator, id := a.operator(r), r.PathValue("clientId")
	client, err := operator.Client(ctx, id)
	if err != nil {
		a.failClient(w, r, err)
		return
	}
	secret, err := operator.NewSecret(ctx, id)
	if err != nil {
		a.failClient(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, createdAnswerOf(client, secret))
}

// failClient answers 404 for a client that does not exist, and for an id that is not text, which no client can have.
func (a *API) failClient(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, registry.ErrNotFound) || errors.Is(err, registry.ErrInvalid) {
		err = endpoint.ErrNotFound.WithHint("There is no such client.")
	}
	a.Failures.Answer(w, r, err)
}
