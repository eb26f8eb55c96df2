package authz

import (
	"errors"
	"net/http"

	"github.com/ory/fosite"

	"gatehouse/authz/page"
)

// toldError is an error that a person is told in a page's words. A program is told the error itself.
type toldError struct {
	error
	message page.Message
}

func (e *toldError) Unwrap() error { return e.error }

func told(err error, key string, args ...any) error { return &toldError{err, page.Say(key, args...)} }

// failPage answers with err: as a page to a browser, else as JSON. It is for what must not be redirected.
func (s *Server) failPage(w http.ResponseWriter, r *http.Request, err error) {
	if !acceptsHTML(r) {
		s.fail(w, r, err)
		return
	}
	e := asOAuthError(err)
	s.logFailure(r, e)
	setRetryAfter(w, e)
	s.show(w, r, e.CodeField, failureView(err, e))
}

func failureView(err error, e *fosite.RFC6749Error) page.Failure {
	view := page.Failure{Heading: page.Say("failure.heading"), Advice: page.Say("failure.advice")}
	switch {
	case errors.Is(err, errDecided):
		view.Heading, view.Advice = page.Say("failure.decided_heading"), page.Say("failure.decided_advice")
	case errors.Is(err, errRequestExpired):
		view.Heading, view.Advice = page.Say("failure.expired_heading"), page.Say("failure.expired_advice")
	case errors.Is(err, errOtherBrowser), errors.Is(err, errNoCookie), e.DescriptionField == errTooManyTries.DescriptionField:
		view.Advice = page.Message{}
	}
	var known *toldError
	switch {
	case errors.As(err, &known):
		view.Failure = known.message
	case e.CodeField == http.StatusServiceUnavailable:
		view.Failure = page.Say("failure.unavailable")
	case e.CodeField >= http.StatusInternalServerError:
		view.Failure = page.Say("failure.server")
	case e.CodeField == http.StatusNotFound:
		view.Failure = page.Say("failure.not_found")
	default:
		view.Failure, view.Detail = page.Say("failure.faulty"), describe(e)
	}
	return view
}
