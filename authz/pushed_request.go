package authz

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatehouse/authz/browser"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/page"
	"gatehouse/authz/signin"
	"gatehouse/authz/user"
	"gatehouse/keys/dpop"
	"gatehouse/registry"
)

const (
	// requestURIPrefix begins the name of each pushed request (RFC 9126 section 2.2). 256 random bits follow.
	requestURIPrefix = "urn:ietf:params:oauth:request_uri:"
	requestURIField  = "request_uri"

	// So many requests that no browser has begun are kept of one client, and of all: registry.PushAuthorizationRequest.
	maxPushedOfClient = 1_000
	maxPushed         = 10_000
)

// pushedAnswer is the answer of RFC 9126 section 2.2.
type pushedAnswer struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int    `json:"expires_in"` // seconds
}

// handlePush keeps an authorization request that its client sends ahead, so that nothing of it goes through the user's browser but a
// name that nobody can guess (RFC 9126). The client proves itself as at the token endpoint, and the request is held to what the
// authorization endpoint asks: whatever is wrong is said here.
func (s *Server) handlePush(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	s.sayNonce(w, r)
	reference, err := s.push(ctx, w, r)
	if err != nil {
		s.failures.Answer(w, r, err)
		return
	}
	endpoint.WriteJSON(w, http.StatusCreated, pushedAnswer{requestURIPrefix + reference, int(s.pushedLifespan / time.Second)})
}

func (s *Server) push(ctx context.Context, w http.ResponseWriter, r *http.Request) (reference string, err error) {
	sent, err := endpoint.ReadParameters(w, r)
	if err != nil {
		return "", err
	}
	if err := s.requireNonce(r); err != nil {
		return "", err
	}
	form := sent.Body
	sender, err := s.authenticatePusher(ctx, r, form)
	if err != nil {
		return "", err
	}
	if form.Has(requestURIField) {
		return "", fosite.ErrInvalidRequest.WithHint("A pushed request cannot name another one: 'request_uri' must not be there.")
	}
	form.Set("client_id", sender.ID) // which Basic authentication says, too
	a, err := s.readAuthorizationForm(ctx, r, form)
	if err != nil {
		return "", err
	}
	if _, err := signin.ReadPrompt(form); err != nil {
		return "", err
	}
	kept, err := keptParameters(form)
	if err != nil {
		return "", err
	}
	boundTo, err := s.provePusher(ctx, r, a) // last: it uses the proof up
	if err != nil {
		return "", err
	}
	if boundTo != "" {
		kept[keyOfCodeField] = boundTo
	}
	reference = client.NewSecret()
	now := s.now()
	return reference, s.registry.PushAuthorizationRequest(ctx, registry.AuthorizationRequest{
		ID: text.HashToken(reference), ClientID: sender.ID, Parameters: kept, CreatedAt: now, ExpiresAt: now.Add(s.pushedLifespan),
	}, maxPushedOfClient, maxPushed)
}

// authenticatePusher is authenticateClient also for a client of a metadata document that no user has allowed anything yet. One that
// proves nothing, or that no operator has let in, could be anybody, and may not send requests at any pace.
func (s *Server) authenticatePusher(ctx context.Context, r *http.Request, form url.Values) (registry.Client, error) {
	presented, err := s.readProof(r, form)
	if err != nil {
		return registry.Client{}, err
	}
	found, _, err := s.findClient(ctx, r, presented.id)
	if errors.Is(err, errNoSuchClient) {
		err = errWrongClient
	}
	if err == nil {
		err = s.proveClient(ctx, r, found, presented)
	}
	if err == nil && (found.Public || found.Fingerprint != "") {
		err = endpoint.TooManyRequests(s.pushPace.Take(s.users.Caller(r)))
	}
	return found, err
}

// provePusher is the thumbprint of the key that the sender of a request proves to hold, to which the code will be bound as by dpop_jkt
// (RFC 9449 section 10.1); "" when there is no proof.
func (s *Server) provePusher(ctx context.Context, r *http.Request, a *authorization) (thumbprint string, err error) {
	proof, err := endpoint.ReadProof(r)
	if err != nil || proof == "" || s.proofs == nil {
		return "", err
	}
	holder := a.client.ID
	if a.client.Public { // anybody can say that: whoever sends many proofs uses up the room of his own address
		holder = "at " + user.Network(s.users.Caller(r)).String()
	}
	verified, err := s.proofs.Check(ctx, proof, dpop.Request{
		Method: r.Method, URI: s.metadata.PushedRequestEndpoint, Thumbprint: a.consent.codeBoundTo, Holder: holder,
	})
	if errors.Is(err, dpop.ErrOtherKey) {
		return "", fosite.ErrInvalidRequest.WithHint("The 'dpop_jkt' is not the thumbprint of the key of the DPoP proof.")
	}
	return verified.Thumbprint, endpoint.AsProofError(err)
}

// findPushed finds the pushed request that an authorization request names; nil when it names none of ours. Only the client that has
// pushed it can use it, and only once: what has begun is found by the browser in which it has, and by nobody else. The error must not
// be answered by redirect.
func (s *Server) findPushed(ctx context.Context, r *http.Request, form url.Values) (*registry.AuthorizationRequest, error) {
	reference, isPushed := strings.CutPrefix(form.Get(requestURIField), requestURIPrefix)
	if !isPushed {
		return nil, nil
	}
	id := form.Get("client_id")
	if id == "" {
		return nil, errNoClientID
	}
	found, err := s.registry.AuthorizationRequest(ctx, text.HashToken(reference))
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return nil, err
	}
	hasBegun := found.BrowserHash != ""
	switch {
	case err != nil, found.ClientID != id,
		hasBegun && text.HashToken(s.pages.BrowserOf(r)) != found.BrowserHash,
		!hasBegun && !s.now().Before(found.ExpiresAt):
		return nil, errNoPushed
	}
	return &found, nil
}

// usePushed uses a pushed request up for an answer without a page, after which it belongs to no browser. Nil when the request was not
// pushed.
func (s *Server) usePushed(ctx context.Context, a *authorization) error {
	if a.pushed == nil {
		return nil
	}
	nobody := text.HashToken(rand.Text())
	return asPushedError(s.registry.BeginPushedRequest(ctx, a.pushed.ID, nobody, a.pushed.ExpiresAt))
}

func asPushedError(err error) error {
	if errors.Is(err, registry.ErrRequestUsed) || errors.Is(err, registry.ErrExpired) || errors.Is(err, registry.ErrNotFound) {
		return errNoPushed
	}
	return err
}

var (
	// errNoPushed says nothing of why: of a request of another client's, nobody is told that there is one.
	errNoPushed = endpoint.Told(fosite.ErrInvalidRequestURI.WithHint(
		"The 'request_uri' is unknown, expired or of another client, or was used before. Push the request again."),
		"failure.pushed").Under(page.Say("failure.expired_heading")).Advising(page.Say("failure.expired_advice"))
	errNotPushed = fosite.ErrInvalidRequest.WithHint("The request has to be pushed (RFC 9126): 'request_uri' is missing.")
)

// mustPush reports whether the client may send its requests in no other way.
func (s *Server) mustPush(c registry.Client) bool { return s.pushedOnly || c.PushedOnly }

// begunPath is the page of a pushed request that has begun in this browser before.
func (a *authorization) begunPath() (path string, ok bool) {
	if a.pushed == nil || a.pushed.BrowserHash == "" {
		return "", false
	}
	return browser.RequestPath(a.pushed.ID), true
}
