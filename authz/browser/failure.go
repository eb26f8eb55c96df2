package browser

import (
	"errors"
	"net/http"

	"github.com/ory/fosite"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/page"
)

// Fail answers with err: as a page to a browser, else as JSON. It is for what must not be redirected.
func (p *Pages) Fail(w http.ResponseWriter, r *http.Request, err error) {
	if !acceptsHTML(r) {
		p.failures.Answer(w, r, err)
		return
	}
	e := endpoint.AsOAuthError(err)
	p.failures.Record(r, e)
	endpoint.SetRetryAfter(w, e)
	view := failureView(err, e)
	switch e.DescriptionField { // fosite holds errors with the same name and status for the same
	case endpoint.ErrNotFound.DescriptionField, endpoint.ErrMethodNotAllowed.DescriptionField: // no application led here
		view.Advice = page.Message{}
		view.Link, view.LinkText = p.Link("/"), page.Say("start.title", "service", p.Service)
	}
	p.Show(w, r, e.CodeField, view)
}

func failureView(err error, e *fosite.RFC6749Error) page.Failure {
	view := page.Failure{Heading: page.Say("failure.heading"), Advice: page.Say("failure.advice")}
	if e.DescriptionField == endpoint.ErrTooManyTries.DescriptionField {
		view.Advice = page.Message{}
	}
	var known *endpoint.ToldError
	switch {
	case errors.As(err, &known):
		view.Failure = known.Message
		if !known.Heading.IsNothing() {
			view.Heading = known.Heading
		}
		if !known.Advice.IsNothing() {
			view.Advice = known.Advice
		}
	case e.CodeField == http.StatusServiceUnavailable:
		view.Failure = page.Say("failure.unavailable")
	case e.CodeField >= http.StatusInternalServerError:
		view.Failure = page.Say("failure.server")
	case e.CodeField == http.StatusNotFound, e.CodeField == http.StatusMethodNotAllowed:
		view.Failure = page.Say("failure.not_found")
	default:
		view.Failure, view.Detail = page.Say("failure.faulty"), endpoint.Describe(e)
	}
	return view
}
