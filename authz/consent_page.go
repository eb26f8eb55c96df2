package authz

import (
	"context"
	"errors"
	"net/http"

	"github.com/ory/fosite"

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
	}, "failure.other_browser")
	errNoCookie = endpoint.Told(&fosite.RFC6749Error{
		ErrorField: "access_denied", DescriptionField: "This page works only in the browser in which it was begun, and only where that allows cookies.",
		CodeField: http.StatusForbidden,
	}, "failure.no_cookie")
	errRequestExpired = endpoint.Told(&fosite.RFC6749Error{
		ErrorField: "invalid_request", DescriptionField: "This took longer than 10 minutes. Nothing was allowed.",
		CodeField: http.StatusGone,
	}, "failure.expired")
	errDecided = endpoint.Told(&fosite.RFC6749Error{
		ErrorField: "invalid_request", DescriptionField: "You have decided this already.",
		CodeField: http.StatusGone,
	}, "failure.decided")
)

// showConsent is the page of an authorization request. Whoever is not signed in is led to sign in first.
func (s *Server) showConsent(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	v, k, ok := s.openPage(ctx, w, r)
	switch {
	case !ok:
	case k.Used():
		s.failPage(w, r, errDecided)
	case k.needsSignIn(v):
		s.seeOther(w, signInPath(k.ID))
	default:
		view, err := s.consentView(ctx, v, k)
		if err != nil {
			s.failPage(w, r, err)
			return
		}
		status := http.StatusOK
		switch n := s.takeNotice(w, r); n.what {
		case noticeNothingChosen:
			view.Failure, status = page.Say("consent.nothing_chosen"), http.StatusBadRequest
		case noticeBadBudget:
			s.showChoiceAgain(&view, k, n, languageOf(r))
			status = http.StatusBadRequest
		case noticeBudgetChanged:
			view.Failure, status = page.Say("budget.changed"), http.StatusConflict
		}
		s.show(w, r, status, view)
	}
}

// decide is what the user says about an authorization request. A form that was sent twice is answered twice, and leads to one
// grant.
func (s *Server) decide(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := endpoint.Deadline(r)
	defer cancel()

	form, err := s.readOwnForm(w, r)
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	v, k, ok := s.openPage(ctx, w, r)
	if !ok {
		return
	}
	switch denies := form.Get(decisionField) == decisionDeny; {
	case denies && (v.sentFrom(form) || v.sentSignedIn(form)):
		s.refuseRequest(ctx, w, r, v, k)
	case form.Get(decisionField) == decisionAllow && v.sentSignedIn(form) && !k.needsSignIn(v):
		if k.consent.scopes = k.chosenScopes(form); len(k.consent.scopes) == 0 {
			s.leaveNotice(w, notice{what: noticeNothingChosen})
			s.seeOther(w, requestPath(k.ID))
			return
		}
		chosen, ok := s.chosenBudgets(form, k.consent.scopes, languageOf(r))
		if !ok {
			s.leaveNotice(w, s.keepChoice(k, form))
			s.seeOther(w, requestPath(k.ID))
			return
		}
		k.consent.decide = s.decideShown(v.session.Subject, k.client.ID, chosen)
		s.allowRequest(ctx, w, r, v, k)
	default: // the session has ended, or somebody else has signed in, since the page was shown: it is shown anew
		s.seeOther(w, requestPath(k.ID))
	}
}

// openPage finds the request that the path names. When it returns false it has answered.
func (s *Server) openPage(ctx context.Context, w http.ResponseWriter, r *http.Request) (visitor, keptRequest, bool) {
	v, err := s.visitorOf(ctx, r)
	if err != nil {
		s.failPage(w, r, err)
		return v, keptRequest{}, false
	}
	k, err := s.openRequest(ctx, r, v, r.PathValue("request"))
	switch {
	case k.authorization == nil && err != nil:
		s.failPage(w, r, err)
	case err != nil: // the client has changed since
		s.redirectError(w, r, k.authorization, http.StatusSeeOther, err)
	}
	return v, k, err == nil
}

// allowRequest answers with 303, so that no browser sends the form on to the client.
func (s *Server) allowRequest(ctx context.Context, w http.ResponseWriter, r *http.Request, v visitor, k keptRequest) {
	suspended, err := s.isSuspended(ctx, v)
	switch {
	case err != nil:
		s.failPage(w, r, err)
		return
	case suspended:
		s.cookies.set(w, sessionCookie, "", 0)
		s.leaveNotice(w, notice{what: noticeSuspended})
		s.seeOther(w, signInPath(k.ID))
		return
	}
	k.consent.Subject = v.session.Subject
	k.consent.requestID, k.consent.sessionHash = k.ID, v.session.Hash
	response, err := s.provider.NewAuthorizeResponse(ctx, k.request, k.consent)
	switch {
	case errors.Is(err, errDecided), errors.Is(err, errRequestExpired):
		s.failPage(w, r, err)
	case errors.Is(err, registry.ErrBudgetChanged): // in another tab, or by another page that was open
		s.leaveNotice(w, notice{what: noticeBudgetChanged})
		s.seeOther(w, requestPath(k.ID))
	case err != nil:
		s.redirectError(w, r, k.authorization, http.StatusSeeOther, err)
	default:
		s.redirect(w, k.authorization, http.StatusSeeOther, response.GetParameters())
	}
}

func (s *Server) refuseRequest(ctx context.Context, w http.ResponseWriter, r *http.Request, v visitor, k keptRequest) {
	err := s.registry.RefuseRequest(ctx, k.ID, v.session.Hash)
	if errors.Is(err, registry.ErrRequestUsed) {
		var now registry.AuthorizationRequest
		if now, err = s.registry.AuthorizationRequest(ctx, k.ID); err == nil && now.GrantID != "" {
			err = errDecided
		}
	}
	if err != nil {
		s.failPage(w, r, asRequestError(err))
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
