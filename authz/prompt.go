package authz

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatehouse/authz/browser"
	"gatehouse/authz/client"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/keyring"
	"gatehouse/registry"
)

// What a client asks about signing in, of us, and what we ask of the host application for it.
const (
	promptField = "prompt"
	maxAgeField = "max_age"
)

// prompt is what a client asks about the user being asked (OpenID Connect Core section 3.1.2.1). The user decides on each
// request anyway, so prompt=consent asks for nothing more, nor does select_account, since whoever decides can change the account.
// A value that is not known is ignored.
type prompt struct {
	none  bool // show no page
	login bool // let the user sign in for this request
	// maxAge is how long ago the user may have signed in; negative: at any time.
	maxAge time.Duration
}

func readPrompt(form url.Values) (prompt, error) {
	p := prompt{maxAge: -1}
	values := strings.Fields(form.Get(promptField))
	p.none, p.login = slices.Contains(values, "none"), slices.Contains(values, "login")
	if p.none && len(values) > 1 {
		return p, fosite.ErrInvalidRequest.WithHint("The 'prompt' value 'none' must stand alone.")
	}
	if sent := form.Get(maxAgeField); sent != "" {
		if !text.IsDigits(sent) {
			return p, fosite.ErrInvalidRequest.WithHint("The 'max_age' must be a number of seconds.")
		}
		const most = 100 * 365 * 24 * 60 * 60
		seconds, err := strconv.ParseInt(sent, 10, 64)
		if err != nil || seconds > most {
			seconds = most
		}
		p.maxAge = time.Duration(seconds) * time.Second
	}
	return p, nil
}

// promptOf is what the client asks that sent the user with a request that was kept.
func promptOf(request registry.AuthorizationRequest) (prompt, error) {
	return readPrompt(url.Values{promptField: {request.Parameters[promptField]}, maxAgeField: {request.Parameters[maxAgeField]}})
}

// passOn tells the host application what it has to see to, when the user signs in there: it may have a session of its own.
func (p prompt) passOn(query url.Values) {
	if p.login {
		query.Set(promptField, "login")
	}
	if p.maxAge >= 0 {
		query.Set(maxAgeField, strconv.FormatInt(int64(p.maxAge/time.Second), 10))
	}
}

// sinceWhen are the times that the host application's JWT must not be older than, if it says how old it is: when it was made, and
// when the user signed in. Where the client asks for nothing, any will do. began is when the user was sent there; the clocks of the two
// hosts may differ.
func (p prompt) sinceWhen(began time.Time) (issued, signedIn time.Time) {
	began = began.Add(-keyring.ClockSkew)
	switch {
	case p.login:
		return began, began
	case p.maxAge >= 0:
		return began, began.Add(-p.maxAge)
	}
	return time.Time{}, time.Time{}
}

// isRecent reports whether the session is as fresh at that time as the client asks.
func (p prompt) isRecent(session registry.Session, at time.Time) bool {
	return !p.login && (p.maxAge < 0 || at.Sub(session.SignedInAt) <= p.maxAge)
}

// needsSignIn reports whether the user has to sign in before deciding. A session that was begun for this very request is always
// fresh enough: the clocks of two replicas may say otherwise.
func (k *keptRequest) needsSignIn(v browser.Visitor) bool {
	switch {
	case !v.SignedIn:
		return true
	case k.SessionHash == v.Session.Hash:
		return false
	}
	return !k.asked.isRecent(v.Session, k.CreatedAt)
}

// authorizeSilently answers a request with prompt=none, always by redirect. The client gets a code if the user is signed in and
// has allowed it as much before.
func (s *Server) authorizeSilently(ctx context.Context, w http.ResponseWriter, r *http.Request, a *authorization, asked prompt) {
	v, err := s.pages.Visitor(ctx, r)
	if err == nil {
		switch allowed, findErr := false, error(nil); {
		case !v.SignedIn, !asked.isRecent(v.Session, s.now()):
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
	if a.document == nil || !v.SignedIn {
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
		isSameHost := !a.client.Public || strings.EqualFold(client.HostOf(g.RedirectURI), a.redirectURI.Host)
		return isSameHost && !slices.ContainsFunc(a.request.GetRequestedScopes(), func(name string) bool { return !slices.Contains(g.Scopes, name) })
	}), err
}
