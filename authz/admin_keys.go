package authz

import (
	"errors"
	"net/http"

	"gatehouse/authz/keyring"
	"gatehouse/registry"
)

// listKeys shows the signing keys and what each of them does now.
func (s *Server) listKeys(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	states, err := s.operator(r).Keys(ctx)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, states)
}

// rotateKeys publishes a successor of the key that signs. 409 says that one is published already.
func (s *Server) rotateKeys(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	key, err := s.operator(r).Rotate(ctx)
	if errors.Is(err, keyring.ErrSuccessorPending) {
		err = errConflict.WithHint(err.Error())
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, key)
}

// revokeKey takes a key back. 200 means that every gateway knows, but for those that it says it
// could not hear from; with 503 it is recorded and the caller may try again.
func (s *Server) revokeKey(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	id := r.PathValue("kid")
	signing, unconfirmed, err := s.operator(r).RevokeKey(ctx, id)
	if errors.Is(err, registry.ErrNotFound) {
		err = errNotFound.WithHint("There is no such key.")
	}
	if err != nil {
		s.failRevocation(w, r, err)
		return
	}
	sayUnconfirmed(w, unconfirmed)
	writeJSON(w, http.StatusOK, struct {
		Revoked string        `json:"revoked"`
		Signing keyring.State `json:"signing"`
	}{id, signing})
}
