package registration

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/outbox"
	"gatehouse/registry"
)

// owned is a client as it manages itself (RFC 7592), with the token that it has shown.
type owned struct {
	registry.Client
	about about
	token string
}

// errNotOwn is the same whether there is such a client or not (RFC 7592 section 2.1).
var errNotOwn = endpoint.ErrInvalidToken.WithHint("The registration access token is missing or wrong.")

// open finds the client that the path names, for who shows its registration access token.
func (h *Handler) open(ctx context.Context, r *http.Request) (owned, error) {
	token, err := endpoint.ReadBearer(r)
	if err != nil || token == "" {
		return owned{}, errNotOwn
	}
	c, registered, err := h.Registry.Registration(ctx, r.PathValue("client_id"))
	isNone := errors.Is(err, registry.ErrNotFound) || errors.Is(err, registry.ErrInvalid)
	if err != nil && !isNone {
		return owned{}, err
	}
	if !text.IsSame(registered.TokenHash, text.HashToken(token)) || isNone {
		return owned{}, errNotOwn
	}
	said, err := aboutOf(registered.Metadata)
	return owned{c, said, token}, err
}

// show is the client read request (RFC 7592 section 2.1).
func (h *Handler) show(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	own, err := h.open(ctx, r)
	if err != nil {
		h.Failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusOK, h.answerOf(own.Client, own.about, own.token))
}

// change is the client update request (RFC 7592 section 2.2): what is not in it is registered no longer.
func (h *Handler) change(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	own, err := h.open(ctx, r)
	if err == nil {
		err = endpoint.TooManyRequests(h.Each.Take(h.Caller(r)))
	}
	if err != nil {
		h.Failures.Answer(w, r, err)
		return
	}
	said, err := readObject(w, r)
	if err == nil {
		own, err = h.replace(ctx, own, said)
	}
	if err != nil {
		h.Failures.Answer(w, r, err)
		return
	}
	h.Log.InfoContext(ctx, "client has changed its registration", slog.String("client_id", own.ID))
	endpoint.WriteJSON(w, http.StatusOK, h.answerOf(own.Client, own.about, own.token))
}

func (h *Handler) replace(ctx context.Context, own owned, said object) (owned, error) {
	if err := checkReplacement(own.Client, said); err != nil {
		return own, err
	}
	settings, about, err := h.read(said, own.ID)
	if err != nil {
		return own, err
	}
	c, _, err := settings.New()
	if err != nil {
		return own, err
	}
	if c.Public != own.Public || c.HasKeys() != own.HasKeys() {
		return own, errMetadata.WithHint("The token_endpoint_auth_method cannot change between none, a secret and private_key_jwt: register another client.")
	}
	c.CreatedAt, c.Fingerprint = own.CreatedAt, about.fingerprintOf(c)
	err = h.Registry.UpdateRegistration(ctx, c, about.stored())
	if errors.Is(err, registry.ErrNotFound) { // it was removed meanwhile
		err = errNotOwn
	}
	return owned{c, about, own.token}, err
}

// byServer are members that only the server decides, and an update request must not have.
var byServer = []string{"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"}

// checkReplacement holds an update request to what it has to have, and must not have, beside metadata.
func checkReplacement(c registry.Client, said object) error {
	for _, name := range byServer {
		if said.Has(name) {
			return errMetadata.WithHintf("The request must not have %s.", name)
		}
	}
	if id, err := said.Text("client_id"); err != nil || id != c.ID {
		return errMetadata.WithHint("The client_id is missing, or not the one of the client.")
	}
	if !said.Has("client_secret") {
		return nil
	}
	secret, err := said.Text("client_secret")
	if err != nil || !text.IsSame(c.SecretHash, client.HashGenerated(secret)) {
		return errMetadata.WithHint("The client_secret is not the one of the client.")
	}
	return nil
}

// remove is the client delete request (RFC 7592 section 2.3). 204 means that every gateway refuses the client's tokens, but for those
// that it says it could not hear from.
func (h *Handler) remove(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	own, err := h.open(ctx, r)
	if err != nil {
		h.Failures.AnswerRevocation(w, r, err)
		return
	}
	revoked, err := h.Registry.Unregister(ctx, own.ID)
	if errors.Is(err, registry.ErrNotFound) { // it was removed meanwhile
		err = errNotOwn
	}
	unconfirmed := 0
	if err == nil {
		h.Log.InfoContext(ctx, "client has removed itself", slog.String("client_id", own.ID))
		if revoked {
			unconfirmed, err = h.Relay.Confirm(ctx, outbox.RevokedClient(own.ID))
		}
	}
	if err != nil {
		h.Failures.AnswerRevocation(w, r, err)
		return
	}
	endpoint.SayUnconfirmed(w, unconfirmed)
	w.WriteHeader(http.StatusNoContent)
}
