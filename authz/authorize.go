package authz

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatehouse/authz/browser"
	"gatehouse/authz/budget"
	"gatehouse/authz/client"
	"gatehouse/authz/client/document"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/registry"
)

// authorization is a request for a user's consent whose client and redirect URI are good: whatever else is wrong with
// it, the client may be told by redirect.
type authorization struct {
	client      registry.Client
	document    *document.Document // that describes it; nil: it was registered, or has registered itself
	redirectURI *url.URL
	sentTo      string // the redirect URI as it was written, whether the request or the registration says it
	form        url.Values
	pushed      *registry.AuthorizationRequest // that its client has sent ahead; nil: it comes by itself
	budgets     map[string]budget.Limit        // that it asks for, by unit
	resources   []Resource                     // that it names
	// isDecided says that the user has decided about it, now or before.
	isDecided bool

	request fosite.AuthorizeRequester
	consent *consent
}

// isStranger holds for a client that no operator has registered: it could be anybody.
func (a *authorization) isStranger() bool { return a.client.Fingerprint != "" }

// handleAuthorize gives a code to the client for the user whom the request proves (RFC 6749 section 4.1): the host application,
// or a program, has asked whether the user consents. It may name a pushed request, which the answer uses up.
func (s *Server) handleAuthorize(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	sent, a, err := s.readAuthorization(ctx, w, r)
	if refused := s.pages.CheckOrigin(r); refused != nil {
		a, err = nil, refused
	}
	if a != nil && a.isStranger() {
		err = errOnlyOnPage
	}
	switch {
	case a == nil:
		s.failures.Answer(w, r, err)
		return
	case err != nil:
		s.redirectError(w, r, a, http.StatusFound, err)
		return
	}
	denies, subject := sent.Body.Get(decisionField) == decisionDeny, ""
	if !denies {
		subject, err = s.users.Authenticate(ctx, r, sent.Body)
	}
	if err == nil {
		err = s.usePushed(ctx, a)
	}
	switch {
	case err != nil:
		s.failures.Answer(w, r, err)
		return
	case denies:
		s.redirectError(w, r, a, http.StatusFound, errDeniedByUser)
		return
	}
	a.consent.Subject = subject
	a.consent.decide = func(ctx context.Context) ([]registry.Decision, error) { return s.decideUnseen(ctx, subject, a) }
	s.answerAuthorization(ctx, w, r, a, http.StatusFound)
}

// answerAuthorization gives the client its code, for the user who has consented.
func (s *Server) answerAuthorization(ctx context.Context, w http.ResponseWriter, r *http.Request, a *authorization, status int) {
	response, err := s.provider.NewAuthorizeResponse(ctx, a.request, a.consent)
	if err != nil {
		s.redirectError(w, r, a, status, err)
		return
	}
	s.redirect(w, a, status, response.GetParameters())
}

// The decision of a user, in a form.
const (
	decisionField = "decision"
	decisionAllow = "allow"
	decisionDeny  = "deny"
)

var errDeniedByUser = fosite.ErrAccessDenied.WithHint("The user denied the request.")

// readAuthorization checks a request for everything but the user. As long as it returns no authorization, client or
// redirect URI are not known to be good, and the answer must not be a redirect.
func (s *Server) readAuthorization(ctx context.Context, w http.ResponseWriter, r *http.Request) (endpoint.Parameters, *authorization, error) {
	sent, err := endpoint.ReadParameters(w, r)
	if err != nil {
		return sent, nil, err
	}
	if sent.Query.Has("password") {
		return sent, nil, fosite.ErrInvalidRequest.WithHint("The password must not be sent in the query.")
	}
	form := sent.All()
	pushed, err := s.findPushed(ctx, r, form)
	if err != nil {
		return sent, nil, err
	}
	if pushed != nil { // whatever else is sent with its name does not count (RFC 9101 section 6.3)
		form = formOf(pushed.Parameters)
	}
	a, err := s.readAuthorizationForm(ctx, r, form)
	if a != nil {
		a.pushed = pushed
		if pushed == nil && s.mustPush(a.client) {
			err = errNotPushed
		}
	}
	return sent, a, err
}

// readAuthorizationForm is readAuthorization for parameters that were taken from a request, now or before.
func (s *Server) readAuthorizationForm(ctx context.Context, r *http.Request, form url.Values) (*authorization, error) {
	browser.WishFor(ctx, form.Get(browser.LocalesField))
	if !form.Has("redirect_uri") { // it is in the request object, which is not read: nobody can be told by redirect
		if err := refuseRequestObject(form); err != nil {
			return nil, err
		}
	}
	id, redirectURI := form.Get("client_id"), form.Get("redirect_uri")
	if id == "" {
		return nil, errNoClientID
	}
	registered, described, err := s.findClient(ctx, r, id)
	if err != nil {
		return nil, err
	}
	if redirectURI == "" {
		sole, ok := client.SoleRedirectURI(registered)
		if !ok {
			hint := "Parameter 'redirect_uri' is required: the client does not have exactly one."
			return nil, endpoint.Told(fosite.ErrInvalidRequest.WithHint(hint), "failure.parameter_missing", "parameter", "redirect_uri")
		}
		redirectURI = sole
	}
	if !client.RedirectAllowed(registered, redirectURI) {
		return nil, endpoint.Told(fosite.ErrInvalidRequest.WithHint("The 'redirect_uri' is not one of the client's."), "failure.redirect_uri_wrong")
	}
	target, err := url.Parse(redirectURI)
	if err != nil {
		return nil, err
	}
	a := &authorization{client: registered, document: described, redirectURI: target, sentTo: redirectURI, form: form}
	return a, s.checkAuthorization(ctx, r, a)
}

var errNoClientID = endpoint.Told(fosite.ErrInvalidRequest.WithHint("Parameter 'client_id' is required."),
	"failure.parameter_missing", "parameter", "client_id")

// checkAuthorization holds the request to what fosite checks and to what it does not know about.
func (s *Server) checkAuthorization(ctx context.Context, r *http.Request, a *authorization) error {
	if err := refuseRequestObject(a.form); err != nil {
		return err
	}
	if !a.form.Has("scope") {
		// In the form, so that the page asks the user for what will be given, whatever the client's settings are by then.
		if names := s.scopes.defaultOf(a.client); len(names) > 0 {
			a.form.Set("scope", strings.Join(names, " "))
		}
	}
	request, err := s.authorizeRequest(ctx, r, a)
	if err != nil {
		return err
	}
	if err := requireScopes(request); err != nil {
		return err
	}
	if !request.GetClient().GetGrantTypes().Has(client.AuthorizationCode) {
		return fosite.ErrUnauthorizedClient.WithHint("The client is not registered for grant type 'authorization_code'.")
	}
	bound, err := readChallenge(a.form, a.client.Public || a.isStranger(), s.plainPKCE && !a.isStranger())
	if err != nil {
		return err
	}
	boundTo, err := readKeyOfCode(a.form)
	if err != nil {
		return err
	}
	lifespan, err := s.readLifespan(a.form)
	if err != nil {
		return err
	}
	if a.budgets, err = s.readAsked(a.form, request.GetRequestedScopes()); err != nil {
		return err
	}
	if a.resources, err = s.issuer.resources.read(a.form); err != nil {
		return err
	}
	a.request = request
	a.consent = &consent{
		challenge: bound, codeBoundTo: boundTo, accessLifespan: lifespan, unsaid: !a.form.Has("redirect_uri"),
		resources: s.issuer.resources.toGrant(a.resources),
	}
	return nil
}

// refuseRequestObject names what is not supported: a request that the client has signed (RFC 9101), by value or by
// reference (OpenID Connect Core section 3.1.2.6). A reference to a pushed request was followed before.
func refuseRequestObject(form url.Values) error {
	switch {
	case form.Has("request"):
		return fosite.ErrRequestNotSupported
	case form.Has(requestURIField):
		return fosite.ErrRequestURINotSupported
	}
	return nil
}

// readLifespan is how long the access tokens of the grant will live: expires_in seconds, at most the configured maximum;
// 0 when the client leaves it to the server.
func (s *Server) readLifespan(form url.Values) (time.Duration, error) {
	sent := form.Get("expires_in")
	if sent == "" {
		return 0, nil
	}
	if !text.IsDigits(sent) {
		return 0, fosite.ErrInvalidRequest.WithHint("The 'expires_in' must be a positive number of seconds.")
	}
	seconds, err := strconv.ParseInt(sent, 10, 64)
	if err != nil || seconds > int64(s.issuer.maxAccessLifespan/time.Second) {
		return s.issuer.maxAccessLifespan, nil // even what does not fit an int64 is a positive number above the maximum
	}
	if seconds == 0 {
		return 0, fosite.ErrInvalidRequest.WithHint("The 'expires_in' must be a positive number of seconds.")
	}
	return time.Duration(seconds) * time.Second, nil
}

// redirectError tells the client by redirect what went wrong (RFC 6749 section 4.1.2.1). A stranger is told nothing as long as the user
// has not decided, and leads nobody anywhere (RFC 9700 section 4.11.2).
func (s *Server) redirectError(w http.ResponseWriter, r *http.Request, a *authorization, status int, err error) {
	if a.isStranger() && !a.isDecided {
		s.pages.Fail(w, r, err)
		return
	}
	e := endpoint.AsOAuthError(err)
	s.failures.Record(r, e)
	s.redirect(w, a, status, url.Values{"error": {e.ErrorField}, "error_description": {endpoint.Describe(e)}})
}

// redirect answers with a redirect to the redirect URI, whose own query stays as it is, with the parameters of the answer,
// the client's state and our name (RFC 9207).
func (s *Server) redirect(w http.ResponseWriter, a *authorization, status int, answer url.Values) {
	answer.Set("iss", s.issuer.name)
	if state := a.form.Get("state"); state != "" {
		answer.Set("state", state)
	}
	target := *a.redirectURI
	if target.RawQuery != "" {
		target.RawQuery += "&"
	}
	target.RawQuery += answer.Encode()
	h := w.Header()
	h.Set("Location", target.String())
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
}
