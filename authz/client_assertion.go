package authz

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatehouse/authz/client"
	"gatehouse/authz/client/assertion"
	"gatehouse/authz/client/document"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/user"
	"gatehouse/keys/jws"
	"gatehouse/registry"
)

// keysPatience is how long a client waits for its own keys, where they have to be fetched.
const keysPatience = 3 * time.Second

// readAssertion takes the client assertion of a request (RFC 7521 section 4.2, RFC 7523 section 2.2), as far as it can be looked at
// without asking anybody; nil: it has none.
func (s *Server) readAssertion(r *http.Request, form url.Values) (*assertion.Assertion, error) {
	signed, kind := form.Get("client_assertion"), form.Get("client_assertion_type")
	switch {
	case signed == "" && kind == "":
		return nil, nil
	case s.assertions == nil:
		return nil, fosite.ErrInvalidClient.WithHint("Client assertions are not supported.")
	case signed == "" || kind == "":
		return nil, fosite.ErrInvalidRequest.WithHint("Parameters 'client_assertion' and 'client_assertion_type' belong together.")
	case kind != assertion.Type:
		return nil, fosite.ErrInvalidClient.WithHint("The 'client_assertion_type' is not supported, but " + assertion.Type + ".")
	case form.Has("client_secret") || r.Header.Get("Authorization") != "":
		return nil, fosite.ErrInvalidRequest.WithHint("The client proves in two ways who it is, and one is allowed.")
	}
	a, err := s.assertions.Read(signed)
	if err == nil {
		err = a.IsFor(s.issuer.name, s.metadata.TokenEndpoint, s.issuer.name+r.URL.EscapedPath())
	}
	if err == nil && !text.IsStorable(a.ClientID) {
		err = assertion.ErrClaims
	}
	if err != nil {
		return nil, asAssertionError(err)
	}
	if id := form.Get("client_id"); id != "" && id != a.ClientID {
		return nil, fosite.ErrInvalidRequest.WithHint("The 'client_id' is not that of the client assertion.")
	}
	return &a, nil
}

// proveByAssertion holds a client to one of its keys, and uses the assertion up.
func (s *Server) proveByAssertion(ctx context.Context, r *http.Request, c registry.Client, a *assertion.Assertion) error {
	if c.SigningAlg != "" && a.Algorithm() != c.SigningAlg {
		return s.wrongClient(ctx, c, assertion.ErrAlgorithm)
	}
	keys, err := s.keysOf(ctx, r, c, false)
	if err != nil {
		return s.asKeysError(ctx, c, err)
	}
	if err := a.Verify(keys); err != nil {
		newer, failed := s.keysOf(ctx, r, c, true)
		if failed != nil {
			return s.asKeysError(ctx, c, failed)
		}
		if sameKeys(keys, newer) || a.Verify(newer) != nil {
			return s.wrongClient(ctx, c, err)
		}
	}
	if err := s.isForUs(c, a); err != nil {
		return asAssertionError(err)
	}
	strangerAt := ""
	if c.Fingerprint != "" {
		strangerAt = user.Network(s.users.Caller(r)).String()
	}
	return asAssertionError(s.assertions.Use(ctx, *a, strangerAt))
}

// isForUs holds what a stranger has signed to the issuer as its only aud. Others may also name the URL of the token endpoint, or of the
// one that is called, as clients do that were written before the issuer was asked for.
//
// A stranger deals with servers that nobody here knows, with the same keys at each. One that is not honest can give it the client_id
// that it has here (that of a document is the same everywhere), call our endpoint its own, and pass on here what the stranger has signed for
// it. That server is named by its issuer alone, which cannot be ours.
func (s *Server) isForUs(c registry.Client, a *assertion.Assertion) error {
	if c.Fingerprint == "" {
		return nil
	}
	return a.IsFor(s.issuer.name)
}

// keysOf are the keys of a client that has some. Those of a client of a document are looked for in the document, as it is now; again looks
// once more at what may have changed since it was read. What a stranger names is fetched as documents are, if at all.
func (s *Server) keysOf(ctx context.Context, r *http.Request, c registry.Client, again bool) ([]jws.Key, error) {
	ctx, cancel := context.WithTimeout(ctx, keysPatience)
	defer cancel()
	source, hasDocument := s.clientKeys, c.Fingerprint != "" && !c.RegisteredItself()
	if c.Fingerprint != "" {
		source = s.documents
	}
	switch {
	case c.KeysURL != "" && source == nil:
		return nil, document.ErrRefused
	case c.KeysURL != "":
		return source.Keys(ctx, c.KeysURL, s.users.Caller(r), again)
	case hasDocument && again:
		d, err := source.FindAgain(ctx, c.ID, s.users.Caller(r))
		if err != nil {
			return nil, err
		}
		return client.ParseKeys([]byte(d.Client.Keys))
	default:
		return client.ParseKeys([]byte(c.Keys))
	}
}

func sameKeys(a, b []jws.Key) bool {
	return slices.EqualFunc(a, b, func(a, b jws.Key) bool {
		return a.Thumbprint == b.Thumbprint && a.ID == b.ID && a.Algorithm == b.Algorithm
	})
}

// asKeysError is what a client is told whose keys are not known. The cause may tell of the network here.
func (s *Server) asKeysError(ctx context.Context, c registry.Client, err error) error {
	var braked *user.BrakedError
	switch {
	case errors.As(err, &braked):
		return endpoint.TooManyRequests(err)
	case errors.Is(err, document.ErrUnreachable), errors.Is(err, document.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		s.log.WarnContext(ctx, "the keys of a client cannot be read", slog.String("client_id", c.ID), slog.Any("cause", err))
		return errKeysUnavailable.WithWrap(err)
	default:
		return s.wrongClient(ctx, c, err)
	}
}

// errKeysUnavailable says nothing about the client.
var errKeysUnavailable = fosite.ErrTemporarilyUnavailable.WithHint("The keys of the client cannot be read right now.")

// asAssertionError is what the caller is told of an error about the assertion itself.
func asAssertionError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, assertion.ErrInvalid):
		reason := strings.TrimPrefix(err.Error(), assertion.ErrInvalid.Error()+": ")
		return fosite.ErrInvalidClient.WithHintf("The client assertion is not valid: %s.", reason)
	default:
		return fosite.ErrTemporarilyUnavailable.WithHint("It cannot be told right now whether the client assertion was used before.").WithWrap(err)
	}
}
