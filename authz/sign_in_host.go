package authz

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/authz/client"
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
	if err != nil || u.Host == "" || !isWeb(u) || u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("authz: the login page %q must be an http(s) URL without credentials and fragment", text)
	}
	return u, nil
}

// goToHost sends the browser to the host application's login page.
func (s *Server) goToHost(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	form, v, ok := s.openForm(ctx, w, r)
	if !ok {
		return
	}
	requestID := form.Get(requestField)
	switch {
	case s.loginURL == nil:
		s.failPage(w, r, errNotFound)
		return
	case !v.sentFrom(form):
		s.leaveNotice(w, notice{what: noticeStale})
		s.seeOther(w, signInPath(requestID))
		return
	}
	err := s.hostPace.Take(s.caller(r))
	if err != nil {
		s.failPage(w, r, tooManyRequests(err))
		return
	}
	if requestID != "" {
		if _, err := s.findRequest(ctx, v, requestID); err != nil {
			s.failPage(w, r, err)
			return
		}
	}
	state := client.NewSecret()
	err = s.registry.BeginSignIn(ctx, registry.SignIn{
		StateHash: hashToken(state), BrowserHash: hashToken(v.browser), RequestID: requestID, ExpiresAt: s.now().Add(requestLife),
	})
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	s.cookies.set(w, wayCookie, requestID, browserLife)
	target := *s.loginURL
	query := url.Values{returnToField: {s.issuer.name + returnPath}, stateField: {state}}.Encode()
	target.RawQuery = strings.TrimPrefix(target.RawQuery+"&"+query, "&")
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
func (s *Server) comeBack(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	sent, err := readParameters(w, r)
	if err == nil && sent.query.Has(hostTokenField) {
		err = errUserDenied.WithHint("The token must not be sent in the query.")
	}
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	state, token := sent.body.Get(stateField), sent.body.Get(hostTokenField)
	answer := client.NewSecret()
	subject := ""
	if state != "" && token != "" {
		subject, err = s.identify(ctx, r, user.Proof{Token: token})
		if err == nil {
			err = s.registry.AnswerSignIn(ctx, hashToken(state), hashToken(answer), subject)
		}
	}
	switch isRefused := errors.Is(err, registry.ErrNotFound) || asOAuthError(err).CodeField < http.StatusInternalServerError; {
	case err != nil && !isRefused:
		s.failPage(w, r, err)
		return
	case err != nil || subject == "":
		s.leaveNotice(w, notice{what: noticeHost})
	default:
		s.cookies.set(w, answerCookie, state+"."+answer, requestLife)
	}
	s.seeOther(w, returnPath)
}

// finishReturn signs the user in whom the host application named, in the browser that both began the sign-in and brought the
// answer, once.
func (s *Server) finishReturn(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	v, err := s.visitorOf(ctx, r)
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	requestID := s.cookies.get(r, wayCookie)
	state, answer, answered := strings.Cut(s.cookies.get(r, answerCookie), ".")
	if !answered || v.browser == "" {
		s.seeOther(w, signInPath(requestID))
		return
	}
	s.cookies.set(w, answerCookie, "", 0)
	done, err := s.registry.FinishSignIn(ctx, hashToken(state), hashToken(answer), hashToken(v.browser))
	if err == nil {
		s.cookies.set(w, wayCookie, "", 0)
		requestID = done.RequestID
		err = s.beginSession(ctx, w, v, done.Subject, "", user.ByHost, requestID)
	} else if errors.Is(err, registry.ErrNotFound) {
		s.leaveNotice(w, notice{what: noticeHost})
		s.seeOther(w, signInPath(requestID))
		return
	}
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	s.seeOther(w, afterSignIn(requestID))
}
