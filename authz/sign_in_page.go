package authz

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"

	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/page"
	"gatehouse/authz/user"
)

const (
	signInPage  = "/account/sign-in"
	signOutPath = "/account/sign-out"
	accountPath = "/account/applications"
	// requestField names the authorization request that signing in is for.
	requestField = "request"
)

// signInPath is the page that signs a user in for an authorization request; for none when that is empty.
func signInPath(requestID string) string {
	if requestID == "" {
		return signInPage
	}
	return signInPage + "?" + url.Values{requestField: {requestID}}.Encode()
}

// afterSignIn is where a user goes on.
func afterSignIn(requestID string) string {
	if requestID == "" {
		return accountPath
	}
	return requestPath(requestID)
}

// askAgain leads to the page that signs a user in, which says why.
func (s *Server) askAgain(w http.ResponseWriter, requestID string, why notice) {
	s.leaveNotice(w, why)
	s.seeOther(w, signInPath(requestID))
}

// showSignIn is the page on which a user signs in. Whoever is signed in already is led on.
func (s *Server) showSignIn(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	v, err := s.visitorOf(ctx, r)
	if err != nil {
		return err
	}
	view, requestID := page.SignIn{Service: s.service}, r.URL.Query().Get(requestField)
	switch {
	case requestID != "":
		k, err := s.openRequest(ctx, r, v, requestID)
		switch {
		case err != nil && k.authorization == nil:
			return err
		case err != nil || k.Used() || !k.needsSignIn(v): // which its page says
			s.seeOther(w, requestPath(requestID))
			return nil
		}
		view.Application = client.ShownName(k.client.Name, k.client.ID)
		view.Login = k.form.Get("login_hint")
		view.Cancel = &page.Form{Action: s.base + requestPath(k.ID)}
	case v.signedIn:
		s.seeOther(w, accountPath)
		return nil
	}
	s.showSignInForms(w, r, view, requestID)
	return nil
}

func (s *Server) showSignInForms(w http.ResponseWriter, r *http.Request, view page.SignIn, requestID string) {
	token := formToken(s.know(w, r))
	if s.hasPasswords {
		view.Password = &page.Form{Action: s.base + signInPage, Token: token, Request: requestID}
	}
	if s.loginURL != nil {
		view.HostSignIn = &page.Form{Action: s.base + hostSignInPath, Token: token, Request: requestID}
		view.Host = s.loginURL.Host
	}
	if view.Cancel != nil {
		view.Cancel.Token = token
	}
	hint := view.Login
	status := s.takeNotice(w, r).tell(w, &view, s.now())
	if view.Login == "" {
		view.Login = hint
	}
	s.show(w, r, status, view)
}

// signIn begins a session for whoever brings the right login and password. It is always answered with 303, so that no reload
// sends the password again.
func (s *Server) signIn(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	form, v, err := s.openForm(ctx, w, r)
	if err != nil {
		return err
	}
	requestID, login := form.Get(requestField), form.Get("login")
	if !v.sentFrom(form) {
		s.askAgain(w, requestID, notice{what: noticeStale, about: login})
		return nil
	}
	subject, err := s.identify(ctx, r, user.Proof{Login: login, Password: form.Get("password")})
	if err == nil {
		err = s.beginSession(ctx, w, v, subject, client.Visible(login), user.ByPassword, requestID)
	}
	if err == nil {
		s.seeOther(w, afterSignIn(requestID))
		return nil
	}
	why, isAboutSigningIn := noticeOf(err, login, s.now())
	if !isAboutSigningIn {
		return err
	}
	s.failures.Record(r, endpoint.AsOAuthError(err))
	s.askAgain(w, requestID, why)
	return nil
}

// beginSession signs the browser in, under a value that it never had before. The request, when there is one, must be its own.
func (s *Server) beginSession(ctx context.Context, w http.ResponseWriter, v visitor, subject, name, method, requestID string) error {
	if requestID != "" {
		if _, err := s.findRequest(ctx, v, requestID); err != nil {
			return err
		}
	}
	value, err := s.sessions.Begin(ctx, subject, name, method, v.value, requestID)
	if err != nil {
		return err
	}
	s.cookies.set(w, sessionCookie, value, s.sessions.Absolute)
	s.log.InfoContext(ctx, "signed in", slog.String("subject", subject), slog.String("method", method))
	return nil
}

// signOut ends the session of this browser, or with everywhere each one of its user, and asks who the user is anew.
func (s *Server) signOut(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	form, v, err := s.openForm(ctx, w, r)
	requestID := form.Get(requestField)
	switch {
	case err != nil:
		return err
	case !v.signedIn:
	case !v.sentSignedIn(form): // from the page of an earlier session
		s.seeOther(w, afterSignIn(requestID))
		return nil
	case form.Has("everywhere"):
		_, err = s.registry.EndSessionsOf(ctx, v.session.Subject)
	default:
		err = s.sessions.End(ctx, v.value)
	}
	if err != nil {
		return err
	}
	s.cookies.set(w, sessionCookie, "", 0)
	s.seeOther(w, signInPath(requestID))
	return nil
}
