package signin

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/page"
	"gatehouse/authz/user"
)

// Users finds out who the user of a request is. The errors of its methods are such that the caller may see. It is safe for concurrent use.
type Users struct {
	Authenticator user.Authenticator
	Caller        func(*http.Request) netip.Addr // where a request comes from
}

// Authenticate finds out who sent the request.
func (u Users) Authenticate(ctx context.Context, r *http.Request, body url.Values) (subject string, err error) {
	proof, err := readProof(r, body)
	if err != nil {
		return "", err
	}
	return u.Identify(ctx, r, proof)
}

// Identify finds out who the user is, from a proof that the request brought.
func (u Users) Identify(ctx context.Context, r *http.Request, proof user.Proof) (subject string, err error) {
	proof.Address = u.Caller(r)
	subject, err = u.Authenticator.Authenticate(ctx, proof)
	var denied *user.DeniedError
	var braked *user.BrakedError
	switch {
	case err == nil:
		return subject, nil
	case errors.As(err, &braked):
		return "", endpoint.ErrTooManyTries.WithHint("There were too many attempts to sign in. Wait " + page.English.Duration(endpoint.RetryAfter(braked)) + " and try again.").WithWrap(err)
	case errors.Is(err, user.ErrSuspended):
		return "", endpoint.ErrSuspended
	case errors.As(err, &denied):
		return "", endpoint.ErrUserDenied.WithHint(endpoint.AsSentence(denied.Reason))
	case errors.Is(err, user.ErrNotApplicable):
		return "", endpoint.ErrUserDenied.WithHint("The request does not show who the user is.")
	case errors.Is(err, user.ErrUnavailable):
		return "", fosite.ErrTemporarilyUnavailable.WithHint(user.ErrUnavailable.Error()).WithWrap(err)
	}
	return "", err
}

// readProof takes login and password from the body, never from the query: URLs end up in logs.
func readProof(r *http.Request, body url.Values) (user.Proof, error) {
	proof := user.Proof{Login: body.Get("login"), Password: body.Get("password")}
	headers := r.Header.Values("Authorization")
	switch {
	case len(headers) == 0:
		return proof, nil
	case len(headers) > 1:
		return user.Proof{}, fosite.ErrInvalidRequest.WithHint("There are several Authorization headers.")
	}
	scheme, rest, hasScheme := strings.Cut(headers[0], " ")
	switch {
	case !hasScheme:
		proof.Token = headers[0]
	case strings.EqualFold(scheme, "Bearer"):
		proof.Token = strings.TrimSpace(rest)
	case strings.EqualFold(scheme, "Basic"):
		login, password, ok := endpoint.ParseBasic(headers[0])
		if !ok || !text.IsStorable(login) || !text.IsStorable(password) {
			return user.Proof{}, endpoint.ErrUserDenied.WithHint("The Authorization header is not well-formed Basic authentication.")
		}
		if proof.Login != "" || proof.Password != "" {
			return user.Proof{}, fosite.ErrInvalidRequest.WithHint("Login and password must be sent once, in the header or in the body.")
		}
		proof.Login, proof.Password = login, password
	default:
		return user.Proof{}, endpoint.ErrUserDenied.WithHint("The scheme of the Authorization header is not supported.")
	}
	return proof, nil
}
