package admin

import (
	"errors"
	"net/http"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/keyring"
	"gatehouse/registry"
)

// listKeys shows the signing keys and what each of them does now.
func (a *API) listKeys(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	states, err := a.operator(r).Keys(ctx)
	if err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, states)
}

// rotateKeys publishes a successor of the key that signs. 409 says that one is published already.
func (a *API) rotateKeys(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	key, err := a.operator(r).Rotate(ctx)
	if errors.Is(err, keyring.ErrSuccessorPending) {
		err = endpoint.ErrConflict.WithHint(err.Error())
	}
	if err != nil {
		a.Failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, key)
}

// revokeKey takes a key back. 200 means that every gateway knows, but for those that it says it
// could not hear from; with 503 it is recorded and the caller may try again.
func (a *API) revokeKey(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	id := r.PathValue("kid")
	signing, unconfirmed, err := a.operator(r).RevokeKey(ctx, id)
	if errors.Is(err, registry.ErrNotFound) {
		err = endpoint.ErrNotFound.WithHint("There is no such key.")
	}
	if err != nil {
		a.Failures.AnswerRevocation(w, r, err)
		return
	}
	endpoint.SayUnconfirmed(w, unconfirmed)
	endpoint.WriteJSON(w, http.StatusOK, struct {
		Revoked string        `json:"revoked"`
		Signing keyring.State `json:"signing"`
	}{id, signing})
}
