package authz

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"gatehouse/authz/browser"
	"gatehouse/authz/client"
	"gatehouse/authz/signin"
	"gatehouse/registry"
)

// needsSignIn reports whether the user has to sign in before deciding. A session that was begun for this very request is always
// fresh enough: the clocks of two replicas may say otherwise.
func (k *keptRequest) needsSignIn(v browser.Visitor) bool {
	switch {
	case !v.SignedIn:
		return true
	case k.SessionHash == v.Session.Hash:
		return false
	}
	return !k.asked.IsRecent(v.Session, k.CreatedAt)
}

// askedToSignIn is the application for whose request the user of the browser has to sign in; nil: the request's own page says what
// becomes of it.
func (s *Server) askedToSignIn(ctx context.Context, r *http.Request, v browser.Visitor, requestID string) (*signin.Application, error) {
	k, err := s.openRequest(ctx, r, v, requestID)
	switch {
	case err != nil && k.authorization == nil:
		return nil, err
	case err != nil || k.Used() || !k.needsSignIn(v):
		return nil, nil
	}
	return &signin.Application{Name: client.ShownName(k.client.Name, k.client.ID), LoginHint: k.form.Get("login_hint")}, nil
}

// authorizeSilently answers a request with prompt=none, always by redirect. The client gets a code if the user is signed in and
// has allowed it as much before.
func (s *Server) authorizeSilently(ctx context.Context, w http.ResponseWriter, r *http.Request, a *authorization, asked signin.Prompt) {
	v, err := s.pages.Visitor(ctx, r)
	if err == nil {
		switch allowed, findErr := false, error(nil); {
		case !v.SignedIn, !asked.IsRecent(v.Session, s.now()):
			err = fosite.ErrLoginRequired.WithHint("The user has to sign in.")
		default:
			if allowed, findErr = s.hasAllowed(ctx, v.Session.Subject, a); findErr != nil {
				err = findErr
			} else if !allowed {
				err = fosite.ErrConsentRequired.WithHint("The user has to be asked.")
			} else if suspended, findErr := s.isSuspended(ctx, v.Session.Subject); findErr != nil {
				err = findErr
			} else if suspended {
				err = fosite.ErrLoginRequired.WithHint("The user has to sign in.")
			}
		}
	}
	if err != nil {
		a.isDecided = s.isConnected(ctx, v, a)
		s.redirectError(w, r, a, http.StatusFound, err)
		return
	}
	a.isDecided = true
	a.consent.Subject, a.consent.unasked = v.Session.Subject, true
	s.answerAuthorization(ctx, w, r, a, http.StatusFound)
}

// isConnected reports whether the visitor has allowed the client something as it describes itself now, as far as that can be found out.
func (s *Server) isConnected(ctx context.Context, v browser.Visitor, a *authorization) bool {
	if !a.isStranger() || !v.SignedIn {
		return false
	}
	live, err := s.registry.LiveGrants(ctx, v.Session.Subject, a.client.ID, s.issuer.maxGrants)
	return err == nil && slices.ContainsFunc(live, func(g registry.Grant) bool { return g.Fingerprint == a.client.Fingerprint })
}

// hasAllowed reports whether the user has allowed the client everything that it asks for at once, and the access goes on. It never holds
// where somebody else could be behind the client's name: an application on the user's device that nothing proves (RFC 8252
// section 8.6), or another host of those that a client's domain stands for than the user was shown. Nor does it without PKCE: a
// stranger who leads the user here could bind the user's access to an account of the stranger's at the client (RFC 9700 section
// 4.7); a challenge of the stranger's makes the client's exchange fail. How long access lasts was not asked about, so the client
// must not name it. Nor may it ask for more to spend than the user has allowed.
func (s *Server) hasAllowed(ctx context.Context, subject string, a *authorization) (bool, error) {
	if had, err := s.hasBudgets(ctx, subject, a); err != nil || !had {
		return false, err
	}
	if a.consent.challenge.value == "" || a.client.Public && a.redirectURI.Scheme != "https" || a.consent.accessLifespan != 0 {
		return false, nil
	}
	live, err := s.registry.LiveGrants(ctx, subject, a.client.ID, s.issuer.maxGrants)
	return slices.ContainsFunc(live, func(g registry.Grant) bool {
		if g.Fingerprint != a.client.Fingerprint { // it describes itself in other words than the user was shown
			return false
		}
		isSameHost := !a.client.Public && !a.isStranger() || strings.EqualFold(client.HostOf(g.RedirectURI), a.redirectURI.Host)
		return isSameHost && s.issuer.resources.cover(g.Resources, a.consent.resources) &&
			len(without(a.request.GetRequestedScopes(), g.Scopes)) == 0
	}), err
}
