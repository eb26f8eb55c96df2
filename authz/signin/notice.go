package signin

import (
	"errors"
	"net/http"
	"time"

	"gatehouse/authz/browser"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/page"
	"gatehouse/authz/user"
)

// What the page that signs a user in says of the step before it, beside browser.Suspended.
const (
	noticeWrong       = "wrong"
	noticeBraked      = "braked"
	noticeUnavailable = "unavailable"
	noticeStale       = "stale"
	noticeHost        = "host"
)

// noticeOf is what the page says about an error of signing in, and false for one that is not about that.
func noticeOf(err error, login string, now time.Time) (browser.Notice, bool) {
	n := browser.Notice{About: login}
	var braked *user.BrakedError
	switch e := endpoint.AsOAuthError(err); {
	case errors.As(err, &braked):
		n.What, n.Until = noticeBraked, now.Add(endpoint.RetryAfter(braked))
	case e.CodeField == http.StatusServiceUnavailable:
		n.What = noticeUnavailable
	case e.DescriptionField == endpoint.ErrSuspended.DescriptionField:
		n.What = browser.Suspended
	case e.DescriptionField == endpoint.ErrUserDenied.DescriptionField:
		n.What = noticeWrong
	default:
		return n, false
	}
	return n, true
}

// tell puts the notice on the page, and returns the status of that.
func tell(w http.ResponseWriter, view *page.SignIn, n browser.Notice, now time.Time) int {
	view.Login = n.About
	switch n.What {
	case noticeWrong:
		view.Failure, view.IsWrong = page.Say("sign_in.wrong"), true
		return http.StatusUnauthorized
	case browser.Suspended:
		view.Failure = page.Say("sign_in.suspended")
		return http.StatusForbidden
	case noticeBraked:
		wait := min(n.Until.Sub(now), time.Hour)
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
