package authz

import (
	"context"
	"log/slog"
	"net/http"

	"gatehouse/authz/browser"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/page"
	"gatehouse/authz/user"
)

// afterSignIn is where a user goes on.
func afterSignIn(requestID string) string {
	if requestID == "" {
		return browser.AccountPath
	}
	return browser.RequestPath(requestID)
}

// askAgain leads to the page that signs a user in, which says why.
func (s *Server) askAgain(w http.ResponseWriter, requestID string, why browser.Notice) {
	s.pages.LeaveNotice(w, why)
	s.pages.SeeOther(w, browser.SignInPath(requestID))
}

// showSignIn is the page on which a user signs in. Whoever is signed in already is led on.
func (s *Server) showSignIn(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	v, err := s.pages.Visitor(ctx, r)
	if err != nil {
		return err
	}
	view, requestID := page.SignIn{Service: s.pages.Service}, r.URL.Query().Get(browser.RequestField)
	switch {
	case requestID != "":
		k, err := s.openRequest(ctx, r, v, requestID)
		switch {
		case err != nil && k.authorization == nil:
			return err
		case err != nil || k.Used() || !k.needsSignIn(v): // which its page says
			s.pages.SeeOther(w, browser.RequestPath(requestID))
			return nil
		}
		view.Application = client.ShownName(k.client.Name, k.client.ID)
		view.Login = k.form.Get("login_hint")
		view.Cancel = &page.Form{Action: s.pages.Link(browser.RequestPath(k.ID))}
	case v.SignedIn:
		s.pages.SeeOther(w, browser.AccountPath)
		return nil
	}
	s.showSignInForms(w, r, view, requestID)
	return nil
}

func (s *Server) showSignInForms(w http.ResponseWriter, r *http.Request, view page.SignIn, requestID string) {
	token := browser.FormToken(s.pages.Know(w, r))
	if s.hasPasswords {
		view.Password = &page.Form{Action: s.pages.Link(browser.SignInPage), Token: token, Request: requestID}
	}
	if s.loginURL != nil {
		view.HostSignIn = &page.Form{Action: s.pages.Link(hostSignInPath), Token: token, Request: requestID}
		view.Host = s.loginURL.Host
	}
	if view.Cancel != nil {
		view.Cancel.Token = token
	}
	hint := view.Login
	status := tell(w, &view, s.pages.TakeNotice(w, r), s.now())
	if view.Login == "" {
		view.Login = hint
	}
	s.pages.Show(w, r, status, view)
}

// signIn begins a session for whoever brings the right login and password. It is always answered with 303, so that no reload
// sends the password again.
func (s *Server) signIn(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	form, v, err := s.pages.OpenForm(ctx, w, r)
	if err != nil {
		return err
	}
	requestID, login := form.Get(browser.RequestField), form.Get("login")
	if !v.SentFrom(form) {
		s.askAgain(w, requestID, browser.Notice{What: noticeStale, About: login})
		return nil
	}
	subject, err := s.identify(ctx, r, user.Proof{Login: login, Password: form.Get("password")})
	if err == nil {
		err = s.beginSession(ctx, w, v, subject, client.Visible(login), user.ByPassword, requestID)
	}
	if err == nil {
		s.pages.SeeOther(w, afterSignIn(requestID))
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
func (s *Server) beginSession(ctx context.Context, w http.ResponseWriter, v browser.Visitor, subject, name, method, requestID string) error {
	if requestID != "" {
		if _, err := s.findRequest(ctx, v, requestID); err != nil {
			return err
		}
	}
	if err := s.pages.BeginSession(ctx, w, v, subject, name, method, requestID); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "signed in", slog.String("subject", subject), slog.String("method", method))
	return nil
}

// signOut ends the session of this browser, or with everywhere each one of its user, and asks who the user is anew.
func (s *Server) signOut(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	form, v, err := s.pages.OpenForm(ctx, w, r)
	requestID := form.Get(browser.RequestField)
	switch {
	case err != nil:
		return err
	case !v.SignedIn:
	case !v.SentSignedIn(form): // from the page of an earlier session
		s.pages.SeeOther(w, afterSignIn(requestID))
		return nil
	case form.Has("everywhere"):
		_, err = s.registry.EndSessionsOf(ctx, v.Session.Subject)
	default:
		err = s.pages.EndSession(ctx, v)
	}
	if err != nil {
		return err
	}
	s.pages.ForgetSession(w)
	s.pages.SeeOther(w, browser.SignInPath(requestID))
	return nil
}
