package authz

import (
	"net/http"
	"net/url"
	"strings"

	"gatehouse/authz/client"
	"gatehouse/authz/page"
)

// basePath is what the paths of our pages begin with as a browser has to ask for them: the path of the issuer, which a proxy in
// front takes away. The origin is the one that the page came from, whatever name the user calls it by.
func basePath(issuer string) string {
	base, err := url.Parse(issuer)
	if err != nil {
		panic(err) // an issuer that is no URL was refused before
	}
	return base.EscapedPath()
}

// show answers with a page.
func (s *Server) show(w http.ResponseWriter, r *http.Request, status int, view page.View) {
	if err := page.Write(w, status, view); err != nil {
		s.fail(w, r, err)
	}
}

// failPage answers with err: as a page to a browser, else as JSON. It is for what must not be redirected.
func (s *Server) failPage(w http.ResponseWriter, r *http.Request, err error) {
	if !acceptsHTML(r) {
		s.fail(w, r, err)
		return
	}
	e := asOAuthError(err)
	s.logFailure(r, e)
	setRetryAfter(w, e)
	view := page.Failure{
		Title:   "This request cannot be answered",
		Failure: describe(e),
		Advice:  "Go back to the application and try again. If it keeps happening, tell the makers of the application.",
	}
	switch e.DescriptionField { // fosite holds errors with the same name and status for the same
	case errDecided.DescriptionField:
		view.Title, view.Advice = "Decided already", "Go back to the application."
	case errRequestExpired.DescriptionField:
		view.Title, view.Advice = "Too late", "Go back to the application and begin anew."
	case errOtherBrowser.DescriptionField, errNoCookie.DescriptionField, errTooManyTries.DescriptionField:
		view.Advice = ""
	}
	s.show(w, r, e.CodeField, view)
}

func acceptsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// shownClient is the client's name for a user.
func shownClient(name, id string) string {
	return client.ShownName(name, id)
}

// pages are where users go by themselves.
func (s *Server) pages() routes {
	return routes{
		"/account":     {http.MethodGet: s.showAccount},
		accountPath:    {http.MethodGet: s.showApplications},
		disconnectPath: {http.MethodGet: s.showDisconnect, http.MethodPost: s.disconnectOnPage},
		signInPage:     {http.MethodGet: s.showSignIn, http.MethodPost: s.signIn},
		hostSignInPath: {http.MethodPost: s.goToHost},
		returnPath:     {http.MethodGet: s.finishReturn, http.MethodPost: s.comeBack},
		signOutPath:    {http.MethodPost: s.signOut},
	}
}
