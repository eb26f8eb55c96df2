package authz

import (
	"net/http"

	"gatehouse/authz/page"
)

// showApplications is a user's account: what has access to it.
func (s *Server) showApplications(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := deadline(r)
	defer cancel()

	v, err := s.visitorOf(ctx, r)
	switch {
	case err != nil:
		s.failPage(w, r, err)
	case !v.signedIn:
		s.seeOther(w, signInPath(""))
	default:
		s.show(w, r, http.StatusOK, page.Applications{
			Service: s.crossOrigin.host,
			User:    v.shownName(),
			SignOut: page.Form{Action: s.base + signOutPath, Token: formToken(v.value)},
		})
	}
}

// showAccount leads to the first of a user's pages.
func (s *Server) showAccount(w http.ResponseWriter, _ *http.Request) { s.seeOther(w, accountPath) }
