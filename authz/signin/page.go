package signin

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
func (h *Handler) askAgain(w http.ResponseWriter, requestID string, why browser.Notice) {
	h.Pages.LeaveNotice(w, why)
	h.Pages.SeeOther(w, browser.SignInPath(requestID))
}

// showSignIn is the page on which a user signs in. Whoever is signed in already is led on.
func (h *Handler) showSignIn(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	v, err := h.Pages.Visitor(ctx, r)
	if err != nil {
		return err
	}
	view, requestID := page.SignIn{Service: h.Pages.Service}, r.URL.Query().Get(browser.RequestField)
	switch {
	case requestID != "":
		application, err := h.AskedToSignIn(ctx, r, v, requestID)
		switch {
		case err != nil:
			return err
		case application == nil:
			h.Pages.SeeOther(w, browser.RequestPath(requestID))
			return nil
		}
		view.Application, view.Login = application.Name, application.LoginHint
		view.Cancel = &page.Form{Action: h.Pages.Link(browser.RequestPath(requestID))}
	case v.SignedIn:
		h.Pages.SeeOther(w, browser.AccountPath)
		return nil
	}
	h.showSignInForms(w, r, view, requestID)
	return nil
}

func (h *Handler) showSignInForms(w http.ResponseWriter, r *http.Request, view page.SignIn, requestID string) {
	token := browser.FormToken(h.Pages.Know(w, r))
	if h.HasPasswords {
		view.Password = &page.Form{Action: h.Pages.Link(browser.SignInPage), Token: token, Request: requestID}
	}
	if h.LoginURL != nil {
		view.HostSignIn = &page.Form{Action: h.Pages.Link(hostSignInPath), Token: token, Request: requestID}
		view.Host = h.LoginURL.Host
	}
	if view.Cancel != nil {
		view.Cancel.Token = token
	}
	hint := view.Login
	status := tell(w, &view, h.Pages.TakeNotice(w, r), h.Now())
	if view.Login == "" {
		view.Login = hint
	}
	h.Pages.Show(w, r, status, view)
}

// signIn begins a session for whoever brings the right login and password. It is always answered with 303, so that no reload
// sends the password again.
func (h *Handler) signIn(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	form, v, err := h.Pages.OpenForm(ctx, w, r)
	if err != nil {
		return err
	}
	requestID, login := form.Get(browser.RequestField), form.Get("login")
	if !v.SentFrom(form) {
		h.askAgain(w, requestID, browser.Notice{What: noticeStale, About: login})
		return nil
	}
	subject, err := h.Users.Identify(ctx, r, user.Proof{Login: login, Password: form.Get("password")})
	if err == nil {
		err = h.beginSession(ctx, w, v, subject, client.Visible(login), user.ByPassword, requestID)
	}
	if err == nil {
		h.Pages.SeeOther(w, afterSignIn(requestID))
		return nil
	}
	why, isAboutSigningIn := noticeOf(err, login, h.Now())
	if !isAboutSigningIn {
		return err
	}
	h.Failures.Record(r, endpoint.AsOAuthError(err))
	h.askAgain(w, requestID, why)
	return nil
}

// beginSession signs the browser in, under a value that it never had before. The request, when there is one, must be its own.
func (h *Handler) beginSession(ctx context.Context, w http.ResponseWriter, v browser.Visitor, subject, name, method, requestID string) error {
	if requestID != "" {
		if _, err := h.FindRequest(ctx, v, requestID); err != nil {
			return err
		}
	}
	if err := h.Pages.BeginSession(ctx, w, v, subject, name, method, requestID); err != nil {
		return err
	}
	h.Log.InfoContext(ctx, "signed in", slog.String("subject", subject), slog.String("method", method))
	return nil
}

// signOut ends the session of this browser, or with everywhere each one of its user, and asks who the user is anew.
func (h *Handler) signOut(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	form, v, err := h.Pages.OpenForm(ctx, w, r)
	requestID := form.Get(browser.RequestField)
	switch {
	case err != nil:
		return err
	case !v.SignedIn:
	case !v.SentSignedIn(form): // from the page of an earlier session
		h.Pages.SeeOther(w, afterSignIn(requestID))
		return nil
	case form.Has("everywhere"):
		_, err = h.Registry.EndSessionsOf(ctx, v.Session.Subject)
	default:
		err = h.Pages.EndSession(ctx, v)
	}
	if err != nil {
		return err
	}
	h.Pages.ForgetSession(w)
	h.Pages.SeeOther(w, browser.SignInPath(requestID))
	return nil
}
