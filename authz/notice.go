package authz

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/page"
	"gatehouse/authz/user"
)

// notice is what a page says about the step before it. It travels in a cookie, because the page follows a redirect: it
// can be one of a few things, and whoever makes one up sees it alone.
type notice struct {
	what  string
	about string    // the login that was tried, the application that it is about, or the form that could not be taken
	until time.Time // when to try again
}

const (
	noticeWrong       = "wrong"
	noticeSuspended   = "suspended"
	noticeBraked      = "braked"
	noticeUnavailable = "unavailable"
	noticeStale       = "stale"
	noticeHost        = "host"
	noticeEnded       = "ended"
	noticeEndedAll    = "ended all"
	noticePending     = "pending"

	noticeNothingChosen = "nothing chosen"
	noticeBadBudget     = "bad budget"
	noticeBudgetChanged = "budget changed"
	noticeBudgetSet     = "budget set"

	noticeLife     = time.Minute
	maxNoticeAbout = 1000 // so that the cookie is not too long for a browser
)

// noticeOf is what the page says about an error of signing in, and false for one that is not about that.
func noticeOf(err error, login string, now time.Time) (notice, bool) {
	n := notice{about: login}
	var braked *user.BrakedError
	switch e := endpoint.AsOAuthError(err); {
	case errors.As(err, &braked):
		n.what, n.until = noticeBraked, now.Add(endpoint.RetryAfter(braked))
	case e.CodeField == http.StatusServiceUnavailable:
		n.what = noticeUnavailable
	case e.DescriptionField == endpoint.ErrSuspended.DescriptionField:
		n.what = noticeSuspended
	case e.DescriptionField == endpoint.ErrUserDenied.DescriptionField:
		n.what = noticeWrong
	default:
		return n, false
	}
	return n, true
}

func (s *Server) leaveNotice(w http.ResponseWriter, n notice) {
	if len(n.about) > maxNoticeAbout {
		n.about = ""
	}
	values := url.Values{"what": {n.what}, "about": {n.about}, "until": {strconv.FormatInt(n.until.Unix(), 10)}}
	s.cookies.set(w, noticeCookie, base64.RawURLEncoding.EncodeToString([]byte(values.Encode())), noticeLife)
}

// takeNotice reads the notice that was left, once.
func (s *Server) takeNotice(w http.ResponseWriter, r *http.Request) notice {
	kept := s.cookies.get(r, noticeCookie)
	if kept == "" {
		return notice{}
	}
	s.cookies.set(w, noticeCookie, "", 0)
	decoded, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil {
		return notice{}
	}
	values, err := url.ParseQuery(string(decoded))
	if err != nil {
		return notice{}
	}
	until, _ := strconv.ParseInt(values.Get("until"), 10, 64) // without, there is nothing to wait for
	return notice{what: values.Get("what"), about: values.Get("about"), until: time.Unix(until, 0)}
}

// tell puts the notice on the page, and returns the status of that.
func (n notice) tell(w http.ResponseWriter, view *page.SignIn, now time.Time) int {
	view.Login = n.about
	switch n.what {
	case noticeWrong:
		view.Failure, view.IsWrong = page.Say("sign_in.wrong"), true
		return http.StatusUnauthorized
	case noticeSuspended:
		view.Failure = page.Say("sign_in.suspended")
		return http.StatusForbidden
	case noticeBraked:
		wait := min(n.until.Sub(now), time.Hour)
		if wait <= 0 {
			return http.StatusOK
		}
		braked := &user.BrakedError{RetryAfter: wait}
		e := endpoint.ErrTooManyTries.WithWrap(braked)
		endpoint.SetRetryAfter(w, e)
		view.Failure = page.Say("sign_in.braked", "wait", endpoint.RetryAfter(braked))
		view.Advice = page.Say("sign_in.braked_advice", "service", view.Service)
		return e.CodeField
	case noticeUnavailable:
		view.Failure = page.Say("sign_in.unavailable")
		w.Header().Set("Retry-After", "1")
		return http.StatusServiceUnavailable
	case noticeStale:
		view.Failure = page.Say("sign_in.stale")
	case noticeHost:
		view.Failure = page.Say("sign_in.host_failed")
	}
	return http.StatusOK
}
