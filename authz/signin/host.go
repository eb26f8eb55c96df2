package signin

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

// ParseLoginURL takes the URL of a login page, which may have a query, but neither credentials nor a fragment. None is nil.
func ParseLoginURL(text string) (*url.URL, error) {
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
func (h *Handler) goToHost(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	form, v, err := h.Pages.OpenForm(ctx, w, r)
	requestID := form.Get(browser.RequestField)
	switch {
	case err != nil:
		return err
	case h.LoginURL == nil:
		return endpoint.ErrNotFound
	case !v.SentFrom(form):
		h.askAgain(w, requestID, browser.Notice{What: noticeStale})
		return nil
	}
	if err := h.Pace.Take(h.Users.Caller(r)); err != nil {
		return endpoint.TooManyRequests(err)
	}
	query := url.Values{returnToField: {h.Issuer + returnPath}}
	if requestID != "" {
		request, err := h.FindRequest(ctx, v, requestID)
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
	err = h.Registry.BeginSignIn(ctx, registry.SignIn{
		StateHash: text.HashToken(state), BrowserHash: text.HashToken(v.Browser), RequestID: requestID, ExpiresAt: h.Now().Add(life),
	})
	if err != nil {
		return err
	}
	h.Pages.Cookies.Set(w, browser.WayCookie, requestID, browser.CookieLife)
	query.Set(stateField, state)
	h.leaveFor(w, h.LoginURL, query)
	return nil
}

// leaveFor sends the browser to another site's page, with that query beside the page's own.
func (h *Handler) leaveFor(w http.ResponseWriter, page *url.URL, query url.Values) {
	target := *page
	target.RawQuery = strings.TrimPrefix(target.RawQuery+"&"+query.Encode(), "&")
	header := w.Header()
	header.Set("Location", target.String())
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}

// comeBack takes the host application's answer: the state that it was sent, and a JWT of the user. The form comes from another
// site, so that the browser sends no cookies with it: whether this is the browser that began is seen at the GET that follows.
// There it needs the cookie that it is given here, too. Without that one, whoever begins a sign-in and lures a user into
// finishing it could go on as that user.
func (h *Handler) comeBack(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	sent, err := endpoint.ReadParameters(w, r)
	switch {
	case err != nil:
		return err
	case sent.Query.Has(hostTokenField):
		return endpoint.ErrUserDenied.WithHint("The token must not be sent in the query.")
	}
	state, answer := sent.Body.Get(stateField), client.NewSecret()
	err = h.takeAnswer(ctx, r, state, answer, sent.Body.Get(hostTokenField))
	switch {
	case err == nil:
		h.Pages.Cookies.Set(w, browser.AnswerCookie, state+"."+answer, life)
	case errors.Is(err, registry.ErrNotFound), endpoint.AsOAuthError(err).CodeField < http.StatusInternalServerError:
		h.Pages.LeaveNotice(w, browser.Notice{What: noticeHost})
	default:
		return err
	}
	h.Pages.SeeOther(w, returnPath)
	return nil
}

// takeAnswer notes whom the host application's JWT names, if it is as fresh as the client asks that sent the user. The error is
// registry.ErrNotFound where nobody began with that state.
func (h *Handler) takeAnswer(ctx context.Context, r *http.Request, state, answer, token string) error {
	if state == "" || token == "" {
		return registry.ErrNotFound
	}
	begun, err := h.Registry.SignIn(ctx, text.HashToken(state))
	if err != nil {
		return err
	}
	proof := user.Proof{Token: token}
	if begun.RequestID != "" {
		request, err := h.Registry.AuthorizationRequest(ctx, begun.RequestID)
		if err != nil {
			return err
		}
		asked, err := promptOf(request)
		if err != nil {
			return err
		}
		proof.IssuedSince, proof.SignedInSince = asked.sinceWhen(begun.ExpiresAt.Add(-life))
	}
	subject, err := h.Users.Identify(ctx, r, proof)
	if err != nil {
		return err
	}
	return h.Registry.AnswerSignIn(ctx, text.HashToken(state), text.HashToken(answer), subject)
}

// finishReturn signs the user in whom the host application named, in the browser that both began the sign-in and brought the
// answer, once.
func (h *Handler) finishReturn(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	v, err := h.Pages.Visitor(ctx, r)
	if err != nil {
		return err
	}
	requestID := h.Pages.Cookies.Get(r, browser.WayCookie)
	state, answer, answered := strings.Cut(h.Pages.Cookies.Get(r, browser.AnswerCookie), ".")
	if !answered || v.Browser == "" {
		h.Pages.SeeOther(w, browser.SignInPath(requestID))
		return nil
	}
	h.Pages.Cookies.Set(w, browser.AnswerCookie, "", 0)
	done, err := h.Registry.FinishSignIn(ctx, text.HashToken(state), text.HashToken(answer), text.HashToken(v.Browser))
	switch {
	case errors.Is(err, registry.ErrNotFound):
		h.askAgain(w, requestID, browser.Notice{What: noticeHost})
		return nil
	case err != nil:
		return err
	}
	h.Pages.Cookies.Set(w, browser.WayCookie, "", 0)
	if err := h.beginSession(ctx, w, v, done.Subject, "", user.ByHost, done.RequestID); err != nil {
		return err
	}
	h.Pages.SeeOther(w, afterSignIn(done.RequestID))
	return nil
}
