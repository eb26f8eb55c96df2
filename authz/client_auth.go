package authz

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/ory/fosite"

	"gatehouse/authz/client/assertion"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

// credentials are what a client proves itself with: a public one only names itself.
type credentials struct {
	id        string
	secret    string
	assertion *assertion.Assertion // nil: it does not sign
}

// noSecret is what JavaScript clients send as the password of a client that has none.
const noSecret = "undefined"

// readCredentials takes a client's credentials from the Authorization header or from the form (RFC 6749 section 2.3.1).
// The header decides; the form may repeat it but not contradict it.
func readCredentials(r *http.Request, form url.Values) (credentials, error) {
	inForm := credentials{id: form.Get("client_id"), secret: form.Get("client_secret")}
	headers := r.Header.Values("Authorization")
	switch {
	case len(headers) > 1:
		return credentials{}, fosite.ErrInvalidRequest.WithHint("There are several Authorization headers.")
	case len(headers) == 0 && inForm.id == "":
		return credentials{}, fosite.ErrInvalidClient.WithHint("Client authentication is missing.")
	case len(headers) == 0:
		return inForm, nil
	}
	login, password, ok := endpoint.ParseBasic(headers[0])
	if !ok {
		return credentials{}, fosite.ErrInvalidClient.WithHint("The Authorization header is not well-formed Basic authentication.")
	}
	id, idErr := url.QueryUnescape(login)
	secret, secretErr := url.QueryUnescape(password)
	if idErr != nil || secretErr != nil || id == "" || !text.IsStorable(id) || !text.IsStorable(secret) {
		return credentials{}, fosite.ErrInvalidClient.WithHint("The Authorization header does not hold a form-urlencoded client id and secret.")
	}
	if (inForm.id != "" && inForm.id != id) || (inForm.secret != "" && inForm.secret != secret) {
		return credentials{}, fosite.ErrInvalidRequest.WithHint("The client credentials in header and body differ.")
	}
	return credentials{id: id, secret: secret}, nil
}

// authenticateClient returns the client that sent the request; a disabled one is as good as deleted. Each failure that
// depends on the registry reads the same.
func (s *Server) authenticateClient(ctx context.Context, r *http.Request, form url.Values) (registry.Client, error) {
	presented, err := s.readProof(r, form)
	if err != nil {
		return registry.Client{}, err
	}
	client, err := s.clients.Client(ctx, presented.id)
	if errors.Is(err, registry.ErrNotFound) || client.Disabled() {
		return registry.Client{}, errWrongClient
	}
	if err != nil {
		return registry.Client{}, err
	}
	if client, err = s.asItSays(ctx, r, client); err != nil {
		return registry.Client{}, err
	}
	if err := s.proveClient(ctx, r, client, presented); err != nil {
		return registry.Client{}, err
	}
	return client, nil
}

// proveClient holds a client to what it has to prove itself with. A public one has nothing, and must not send a secret.
func (s *Server) proveClient(ctx context.Context, r *http.Request, client registry.Client, presented credentials) error {
	switch hasSigned := presented.assertion != nil; {
	case hasSigned && client.HasKeys():
		return s.proveByAssertion(ctx, r, client, presented.assertion)
	case hasSigned || client.HasKeys(): // each client proves itself in its own way
		return s.wrongClient(ctx, client, errOtherWay)
	case client.Public && (presented.secret == "" || presented.secret == noSecret):
		return nil
	}
	stored := client.SecretHash
	if client.Public {
		stored = ""
	}
	ok, err := s.secrets.Check(ctx, stored, presented.secret)
	if err != nil {
		return err
	}
	if !ok {
		return s.wrongClient(ctx, client, errWrongSecret)
	}
	return nil
}

// readProof takes what a client proves itself with, in one way alone (RFC 6749 section 2.3).
func (s *Server) readProof(r *http.Request, form url.Values) (credentials, error) {
	signed, err := s.readAssertion(r, form)
	switch {
	case err != nil:
		return credentials{}, err
	case signed != nil:
		return credentials{id: signed.ClientID, assertion: signed}, nil
	}
	return readCredentials(r, form)
}

// wrongClient tells the operator why, and everybody else what they are told of a client that is unknown.
func (s *Server) wrongClient(ctx context.Context, c registry.Client, why error) error {
	s.log.InfoContext(ctx, "client authentication failed", slog.String("client_id", c.ID), slog.Any("cause", why))
	return errWrongClient
}

var (
	errWrongClient = fosite.ErrInvalidClient.WithHint("The client is unknown, or what it proves itself with is not its own.")
	errWrongSecret = errors.New("its secret is wrong")
	errOtherWay    = errors.New("it proves itself in another way than it was registered for")
)
