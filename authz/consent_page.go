package authz

import (
	"context"
	"errors"
	"net/http"

	"github.com/ory/fosite"

	"gatehouse/authz/browser"
	"gatehouse/authz/internal/budgetform"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

var (
	errNoRequest = endpoint.Told(&fosite.RFC6749Error{
		ErrorField: "not_found", DescriptionField: "There is no such request of an application, or it was long ago.",
		CodeField: http.StatusNotFound,
	}, "failure.no_request")
	errOtherBrowser = endpoint.Told(&fosite.RFC6749Error{
		ErrorField: "access_denied", DescriptionField: "This was begun in another browser, and can be finished only there.",
		CodeField: http.StatusForbidden,
	}, "failure.other_browser").Advising(page.Say("failure.expired_advice")) // perhaps two tabs of a browser that was never here
	errNoCookie = endpoint.Told(&fosite.RFC6749Error{
		ErrorField: "access_denied", DescriptionField: "This page works only in the browser in which it was begun, and only where that allows cookies.",
		CodeField: http.StatusForbidden,
	}, "failure.no_cookie").Advising(page.Say("failure.expired_advice"))
	errRequestExpired = endpoint.Told(&fosite.RFC6749Error{
		ErrorField: "invalid_request", DescriptionField: "This took longer than 10 minutes. Nothing was allowed.",
		CodeField: http.StatusGone,
	}, "failure.expired").Under(page.Say("failure.expired_heading")).Advising(page.Say("failure.expired_advice"))
	errDecided = endpoint.Told(&fosite.RFC6749Error{
		ErrorField: "invalid_request", DescriptionField: "You have decided this already.",
		CodeField: http.StatusGone,
	}, "failure.decided").Under(page.Say("failure.decided_heading")).Advising(page.Say("failure.decided_advice"))
)

// What the page of a request says of a form that allowed nothing, and of one that was about another description of the client.
const (
	noticeNothingChosen = "nothing chosen"
	noticeClientChanged = "client changed"
)

// showConsent is the page of an authorization request. Whoever is not signed in is led to sign in first.
func (s *Server) showConsent(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	v, k, ok := s.openPage(ctx, w, r)
	switch {
	case !ok:
	case k.Used():
		s.pages.Fail(w, r, errDecided)
	case k.needsSignIn(v):
		s.pages.SeeOther(w, browser.SignInPath(k.ID))
	default:
		view, err := s.consentView(ctx, v, k)
		if err != nil {
			s.pages.Fail(w, r, err)
			return
		}
		status := http.StatusOK
		switch n := s.pages.TakeNotice(w, r); n.What {
		case noticeNothingChosen:
			view.Failure, status = page.Say("consent.nothing_chosen"), http.StatusBadRequest
		case budgetform.Refused:
			s.showChoiceAgain(&view, k, n, browser.LanguageOf(r))
			status = http.StatusBadRequest
		case noticeClientChanged:
			view.Failure, status = page.Say("consent.client_changed"), http.StatusConflict
		case budgetform.Outdated:
			view.Failure, status = page.Say("budget.changed"), http.StatusConflict
		}
		s.pages.Show(w, r, status, view)
	}
}

// decide is what the user says about an authorization request. A form that was sent twice is answered twice, and leads to one
// grant.
func (s *Server) decide(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	form, err := s.pages.ReadForm(w, r)
	if err != nil {
		s.pages.Fail(w, r, err)
		return
	}
	v, k, ok := s.openPage(ctx, w, r)
	if !ok {
		return
	}
	switch denies := form.Get(decisionField) == decisionDeny; {
	case denies && (v.SentFrom(form) || v.SentSignedIn(form)):
		k.isDecided = true
		s.refuseRequest(ctx, w, r, v, k)
	case form.Get(decisionField) == decisionAllow && v.SentSignedIn(form) && !k.needsSignIn(v):
		if form.Get(shownField) != k.client.Fingerprint {
			s.pages.LeaveNotice(w, browser.Notice{What: noticeClientChanged})
			s.pages.SeeOther(w, browser.RequestPath(k.ID))
			return
		}
		k.isDecided = true
		if k.consent.scopes = k.chosenScopes(form); len(k.consent.scopes) == 0 {
			s.pages.LeaveNotice(w, browser.Notice{What: noticeNothingChosen})
			s.pages.SeeOther(w, browser.RequestPath(k.ID))
			return
		}
		chosen, ok := s.chosenBudgets(form, k.consent.scopes, browser.LanguageOf(r))
		if !ok {
			s.pages.LeaveNotice(w, s.keepChoice(k, form))
			s.pages.SeeOther(w, browser.RequestPath(k.ID))
			return
		}
		k.consent.decide = s.decideShown(v.Session.Subject, k.client.ID, chosen)
		s.allowRequest(ctx, w, r, v, k)
	default: // the session has ended, or somebody else has signed in, since the page was shown: it is shown anew
		s.pages.SeeOther(w, browser.RequestPath(k.ID))
	}
}

// openPage finds the request that the path names. When it returns false it has answered.
func (s *Server) openPage(ctx context.Context, w http.ResponseWriter, r *http.Request) (browser.Visitor, keptRequest, bool) {
	v, err := s.pages.Visitor(ctx, r)
	if err != nil {
		s.pages.Fail(w, r, err)
		return v, keptRequest{}, false
	}
	k, err := s.openRequest(ctx, r, v, r.PathValue("request"))
	switch {
	case k.authorization == nil && err != nil:
		s.pages.Fail(w, r, err)
	case err != nil: // the client has changed since
		s.redirectError(w, r, k.authorization, http.StatusSeeOther, err)
	}
	return v, k, err == nil
}

// allowRequest answers with 303, so that no browser sends the form on to the client.
func (s *Server) allowRequest(ctx context.Context, w http.ResponseWriter, r *http.Request, v browser.Visitor, k keptRequest) {
	suspended, err := s.isSuspended(ctx, v.Session.Subject)
	switch {
	case err != nil:
		s.pages.Fail(w, r, err)
		return
	case suspended:
		s.pages.ForgetSession(w)
		s.pages.LeaveNotice(w, browser.Notice{What: browser.Suspended})
		s.pages.SeeOther(w, browser.SignInPath(k.ID))
		return
	}
	k.consent.Subject = v.Session.Subject
	k.consent.requestID, k.consent.sessionHash = k.ID, v.Session.Hash
	response, err := s.provider.NewAuthorizeResponse(ctx, k.request, k.consent)
	switch {
	case errors.Is(err, errDecided), errors.Is(err, errRequestExpired):
		s.pages.Fail(w, r, err)
	case errors.Is(err, registry.ErrBudgetChanged): // in another tab, or by another page that was open
		s.pages.LeaveNotice(w, browser.Notice{What: budgetform.Outdated})
		s.pages.SeeOther(w, browser.RequestPath(k.ID))
	case err != nil:
		s.redirectError(w, r, k.authorization, http.StatusSeeOther, err)
	default:
		s.redirect(w, k.authorization, http.StatusSeeOther, response.GetParameters())
	}
}

func (s *Server) refuseRequest(ctx context.Context, w http.ResponseWriter, r *http.Request, v browser.Visitor, k keptRequest) {
	err := s.registry.RefuseRequest(ctx, k.ID, v.Session.Hash)
	if errors.Is(err, registry.ErrRequestUsed) {
		var now registry.AuthorizationRequest
		if now, err = s.registry.AuthorizationRequest(ctx, k.ID); err == nil && now.GrantID != "" {
			err = errDecided
		}
	}
	if err != nil {
		s.pages.Fail(w, r, asRequestError(err))
		return
	}
	s.redirectError(w, r, k.authorization, http.StatusSeeOther, errDeniedByUser)
}

// asRequestError says what becomes of a request that cannot be used.
func asRequestError(err error) error {
	switch {
	case errors.Is(err, registry.ErrRequestUsed):
		return errDecided
	case errors.Is(err, registry.ErrExpired):
		return errRequestExpired
	}
	return err
}
