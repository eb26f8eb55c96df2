package authz

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/ory/fosite"

	"gatehouse/authz/client/document"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/user"
	"gatehouse/registry"
)

const (
	// maxStrangers is how many clients that nobody has registered one user may give access at a time.
	maxStrangers = 100
	// documentPatience is how long a client waits at the token endpoint for its own document.
	documentPatience = time.Second
)

// findClient finds the client that a user is asked about: one that was registered, by itself or by an operator, or else the one that the metadata document at
// its client_id describes. Of that the document is returned, too, and nothing is stored before a user allows it something. The
// error must not be answered by redirect.
func (s *Server) findClient(ctx context.Context, r *http.Request, id string) (registry.Client, *document.Document, error) {
	known, err := s.clients.Client(ctx, id)
	isUnknown := errors.Is(err, registry.ErrNotFound)
	switch {
	case err != nil && !isUnknown:
		return known, nil, err
	case known.Disabled():
		return known, nil, errNoSuchClient
	case !isUnknown && (known.Fingerprint == "" || known.RegisteredItself()):
		return known, nil, nil
	case s.documents == nil || !document.IsURL(id):
		return known, nil, errNoSuchClient
	}
	if isUnknown { // or deleted
		switch barred, err := s.registry.IsBarred(ctx, id); {
		case err != nil:
			return known, nil, err
		case barred:
			return known, nil, errNoSuchClient
		}
	}
	d, err := s.documents.Find(ctx, id, s.users.Caller(r))
	if err == nil && d.Client.HasKeys() && s.assertions == nil {
		err = errUnprovable
	}
	if err != nil {
		s.log.InfoContext(ctx, "a metadata document of a client was not accepted", slog.Any("cause", err))
		return known, nil, asDocumentError(err)
	}
	return clientOf(d), d, nil
}

// clientOf is the client as it is stored and shown. Its picture is left out: a stranger's could be anybody's, and tells the
// stranger who looks at it.
func clientOf(d *document.Document) registry.Client {
	c := d.Client
	c.ImageURL, c.Fingerprint = "", d.Fingerprint
	return c
}

// asItSays is a client of the registry as its document describes it now. Where that cannot be read in time, it is as it was stored, if it
// is public: users have allowed it something. One whose host is refused is not a client any more. A client without a
// document is returned as it is.
func (s *Server) asItSays(ctx context.Context, r *http.Request, stored registry.Client) (registry.Client, error) {
	if stored.Fingerprint == "" || stored.RegisteredItself() {
		return stored, nil
	}
	if s.documents == nil {
		return registry.Client{}, errWrongClient
	}
	inTime, cancel := context.WithTimeout(ctx, documentPatience)
	defer cancel()
	d, err := s.documents.Find(inTime, stored.ID, s.users.Caller(r))
	switch {
	case errors.Is(err, document.ErrRefused):
		return registry.Client{}, errWrongClient
	case err != nil && !stored.Public: // its keys are nowhere else: those of before could be ones that it has lost
		return registry.Client{}, s.asKeysError(ctx, stored, err)
	case err != nil:
		s.log.DebugContext(ctx, "a client's metadata document cannot be read", slog.String("client_id", stored.ID), slog.Any("cause", err))
		return stored, nil
	}
	return clientOf(d), nil
}

// keepClient stores the client of a metadata document, whose user allows it something. It keeps one that has registered itself.
func (i *issuer) keepClient(ctx context.Context, c registry.Client, subject string) error {
	c.Keys, c.KeysURL, c.SigningAlg = "", "", "" // which are believed as long as a document is, and not as long as the consent
	var err error
	switch {
	case c.Fingerprint == "":
		return nil
	case c.RegisteredItself():
		err = i.registry.KeepRegisteredClient(ctx, c.ID, subject, i.now().Add(i.keepUnused), maxStrangers)
	default:
		err = i.registry.KeepDocumentClient(ctx, c, subject, maxStrangers)
	}
	if errors.Is(err, registry.ErrNoRoom) {
		return fosite.ErrAccessDenied.WithHintf("The user has allowed %d applications that nobody has registered. One has to be disconnected first.",
			maxStrangers)
	}
	return err
}

var (
	errNoSuchClient = endpoint.Told(endpoint.ErrUnknownClient, "failure.unknown_client")
	errUnprovable   = errors.New("its token_endpoint_auth_method is not supported")
	// errOnlyOnPage is for who asks the user elsewhere: the user has to see where the client comes from.
	errOnlyOnPage = fosite.ErrUnauthorizedClient.WithHint(
		"A client that nobody here has registered can be allowed only on the page of this server, where GET leads a browser.")
)

// asDocumentError is what the caller is told. The cause may be of a stranger's making, or tell of the network here.
func asDocumentError(err error) error {
	var braked *user.BrakedError
	switch {
	case errors.As(err, &braked):
		return endpoint.TooManyRequests(err)
	case errors.Is(err, document.ErrRefused):
		return errNoSuchClient
	case errors.Is(err, document.ErrURL):
		hint := "The 'client_id' is neither one of a client that is registered, nor a URL that a metadata document can have."
		return endpoint.Told(endpoint.ErrUnknownClient.WithHint(hint), "failure.unknown_client")
	case errors.Is(err, document.ErrInvalid), errors.Is(err, errUnprovable):
		hint := "The metadata document at the 'client_id' is not accepted. Its client_id has to be its URL, and its token_endpoint_auth_method 'none', or 'private_key_jwt' with keys."
		return endpoint.Told(fosite.ErrInvalidClient.WithHint(hint).WithWrap(err), "failure.document_wrong")
	case errors.Is(err, document.ErrUnreachable):
		hint := "The metadata document at the 'client_id' cannot be read. It has to be JSON at a public address, without redirects, of at most 64 KiB."
		return endpoint.Told(fosite.ErrInvalidClient.WithHint(hint).WithWrap(err), "failure.document_unreachable")
	case errors.Is(err, document.ErrBusy):
		return fosite.ErrTemporarilyUnavailable.WithWrap(err)
	}
	return err
}
