package authz

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ory/fosite"
)

// Proof is what a request brings to show who its user is. Each field may be empty. It must not be logged.
type Proof struct {
	// Token comes from the Authorization header, with the scheme Bearer or, as the predecessor allowed, without any.
	Token string
	// Login and Password come from a form or from Basic authentication.
	Login    string
	Password string
}

// UserAuthenticator is one way of finding out who the user is. Implementations are safe for concurrent use and bound on
// their own how long they block.
type UserAuthenticator interface {
	// Authenticate returns the user's subject identifier. Errors are told apart with errors.Is: ErrNotApplicable leaves
	// the decision to the next authenticator, ErrUserDenied and ErrUserUnavailable end the matter, and so does any other
	// error, as an internal one. The text of an ErrUserDenied is shown to the caller.
	Authenticate(ctx context.Context, proof Proof) (subject string, err error)
}

var (
	// ErrNotApplicable means that the proof is not of the kind that the authenticator looks at.
	ErrNotApplicable = errors.New("this kind of user authentication was not used")
	// ErrUserDenied is wrapped when the proof is wrong.
	ErrUserDenied = errors.New("the user could not be authenticated")
	// ErrUserUnavailable is wrapped when it cannot be found out now whether the proof is right.
	ErrUserUnavailable = errors.New("user authentication is not available")
)

// authenticateUser asks each authenticator in turn; the first to which the proof applies decides.
func (s *Server) authenticateUser(ctx context.Context, r *http.Request, body url.Values) (subject string, err error) {
	proof, err := readProof(r, body)
	if err != nil {
		return "", err
	}
	for _, user := range s.users {
		subject, err := user.Authenticate(ctx, proof)
		switch {
		case errors.Is(err, ErrNotApplicable):
			continue
		case errors.Is(err, ErrUserDenied):
			return "", errUserDenied.WithHint(asSentence(err))
		case errors.Is(err, ErrUserUnavailable):
			return "", fosite.ErrTemporarilyUnavailable.WithHint(ErrUserUnavailable.Error()).WithWrap(err)
		}
		return subject, err
	}
	return "", errUserDenied.WithHint("The request does not show who the user is.")
}

// asSentence is what an authenticator found wrong, for the person whose proof it was.
func asSentence(denied error) string {
	text := strings.TrimPrefix(denied.Error(), ErrUserDenied.Error()+": ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// readProof takes login and password from the body, never from the query: URLs end up in logs.
func readProof(r *http.Request, body url.Values) (Proof, error) {
	proof := Proof{Login: body.Get("login"), Password: body.Get("password")}
	headers := r.Header.Values("Authorization")
	switch {
	case len(headers) == 0:
		return proof, nil
	case len(headers) > 1:
		return Proof{}, fosite.ErrInvalidRequest.WithHint("There are several Authorization headers.")
	}
	scheme, rest, hasScheme := strings.Cut(headers[0], " ")
	switch {
	case !hasScheme:
		proof.Token = headers[0]
	case strings.EqualFold(scheme, "Bearer"):
		proof.Token = strings.TrimSpace(rest)
	case strings.EqualFold(scheme, "Basic"):
		login, password, ok := parseBasic(headers[0])
		if !ok || !isText(login) || !isText(password) {
			return Proof{}, errUserDenied.WithHint("The Authorization header is not well-formed Basic authentication.")
		}
		if proof.Login != "" || proof.Password != "" {
			return Proof{}, fosite.ErrInvalidRequest.WithHint("Login and password must be sent once, in the header or in the body.")
		}
		proof.Login, proof.Password = login, password
	default:
		return Proof{}, errUserDenied.WithHint("The scheme of the Authorization header is not supported.")
	}
	return proof, nil
}
