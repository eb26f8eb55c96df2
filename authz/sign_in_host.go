package authz

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/authz/browser"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/user"
	"gatehouse/registry"
)

const (
	hostSignInPath = "/account/sign-in/host"
	returnPath     = "/account/sign-in/return"
	// returnToField and stateField are what the host application is sent, hostTokenField is what it sends beside the state.
	returnToField  = "return_to"
	stateField     = "state"
	hostTokenField = "token"
)

// parseLoginURL takes the URL of a login page, which may have a query, but neither credentials nor a fragment. None is nil.
func parseLoginURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !client.IsWeb(u) || u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("authz: the login page %q must be an http(s) URL without credentials and fragment", text)
	}
	return u, nil
}

// goToHost sends the browser to the host application's login page.
func (s *Server) goToHost(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	form, v, err := s.pages.OpenForm(ctx, w, r)
	requestID := form.Get(browser.RequestField)
	switch {
	case err != nil:
		return err
	case s.loginURL == nil:
		return endpoint.ErrNotFound
	case !v.SentFrom(form):
		s.askAgain(w, requestID, browser.Notice{What: noticeStale})
		return nil
	}
	if err := s.hostPace.Take(s.caller(r)); err != nil {
		return endpoint.TooManyRequests(err)
	}
	query := url.Values{returnToField: {s.issuer.name + returnPath}}
	if requestID != "" {
		request, err := s.findRequest(ctx, v, requestID)
		if err != nil {
			return err
		}
		asked, err := promptOf(request)
		if err != nil {
			return err
		}
		asked.passOn(query)
		if locales := request.Parameters[browser.LocalesField]; locales != "" {
			query.Set(browser.LocalesField, locales)
		}
	}
	state := client.NewSecret()
	err = s.registry.BeginSignIn(ctx, registry.SignIn{
		StateHash: text.HashToken(state), BrowserHash: text.HashToken(v.Browser), RequestID: requestID, ExpiresAt: s.now().Add(requestLife),
	})
	if err != nil {
		return err
	}
	s.pages.Cookies.Set(w, browser.WayCookie, requestID, browser.CookieLife)
	query.Set(stateField, state)
	s.leaveFor(w, s.loginURL, query)
	return nil
}

// leaveFor sends the browser to another site's page, with that query beside the page's own.
func (s *Server) leaveFor(w http.ResponseWriter, page *url.URL, query url.Values) {
	target := *page
	target.RawQuery = strings.TrimPrefix(target.RawQuery+"&"+query.Encode(), "&")
	h := w.Header()
	h.Set("Location", target.String())
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}

// comeBack takes the host application's answer: the state that it was sent, and a JWT of the user. The form comes from another
// site, so that the browser sends no cookies with it: whether this is the browser that began is seen at the GET that follows.
// There it needs the cookie that it is given here, too. Without that one, whoever begins a sign-in and lures a user into
// finishing it could go on as that user.
func (s *Server) comeBack(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	sent, err := endpoint.ReadParameters(w, r)
	switch {
	case err != nil:
		return err
	case sent.Query.Has(hostTokenField):
		return endpoint.ErrUserDenied.WithHint("The token must not be sent in the query.")
	}
	state, answer := sent.Body.Get(stateField), client.NewSecret()
	err = s.takeAnswer(ctx, r, state, answer, sent.Body.Get(hostTokenField))
	switch {
	case err == nil:
		s.pages.Cookies.Set(w, browser.AnswerCookie, state+"."+answer, requestLife)
	case errors.Is(err, registry.ErrNotFound), endpoint.AsOAuthError(err).CodeField < http.StatusInternalServerError:
		s.pages.LeaveNotice(w, browser.Notice{What: noticeHost})
	default:
		return err
	}
	s.pages.SeeOther(w, returnPath)
	return nil
}

// takeAnswer notes whom the host application's JWT names, if it is as fresh as the client asks that sent the user. The error is
// registry.ErrNotFound where nobody began with that state.
func (s *Server) takeAnswer(ctx context.Context, r *http.Request, state, answer, token string) error {
	if state == "" || token == "" {
		return registry.ErrNotFound
	}
	begun, err := s.registry.SignIn(ctx, text.HashToken(state))
	if err != nil {
		return err
	}
	proof := user.Proof{Token: token}
	if begun.RequestID != "" {
		request, err := s.registry.AuthorizationRequest(ctx, begun.RequestID)
		if err != nil {
			return err
		}
		asked, err := promptOf(request)
		if err != nil {
			return err
		}
		proof.IssuedSince, proof.SignedInSince = asked.sinceWhen(begun.ExpiresAt.Add(-requestLife))
	}
	subject, err := s.identify(ctx, r, proof)
	if err != nil {
		return err
	}
	return s.registry.AnswerSignIn(ctx, text.HashToken(state), text.HashToken(answer), subject)
}

// finishReturn signs the user in whom the host application named, in the browser that both began the sign-in and brought the
// answer, once.
func (s *Server) finishReturn(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	v, err := s.pages.Visitor(ctx, r)
	if err != nil {
		return err
	}
	requestID := s.pages.Cookies.Get(r, browser.WayCookie)
	state, answer, answered := strings.Cut(s.pages.Cookies.Get(r, browser.AnswerCookie), ".")
	if !answered || v.Browser == "" {
		s.pages.SeeOther(w, browser.SignInPath(requestID))
		return nil
	}
	s.pages.Cookies.Set(w, browser.AnswerCookie, "", 0)
	done, err := s.registry.FinishSignIn(ctx, text.HashToken(state), text.HashToken(answer), text.HashToken(v.Browser))
	switch {
	case errors.Is(err, registry.ErrNotFound):
		s.askAgain(w, requestID, browser.Notice{What: noticeHost})
		return nil
	case err != nil:
		return err
	}
	s.pages.Cookies.Set(w, browser.WayCookie, "", 0)
	if err := s.beginSession(ctx, w, v, done.Subject, "", user.ByHost, done.RequestID); err != nil {
		return err
	}
	s.pages.SeeOther(w, afterSignIn(done.RequestID))
	return nil
}
