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

// logoPath is where our pages have the brand's logo.
const logoPath = "/oauth/logo"

// show answers with a page, in the language of its reader.
func (s *Server) show(w http.ResponseWriter, r *http.Request, status int, view page.View) {
	if err := s.layout.Write(w, status, languageOf(r), view); err != nil {
		s.fail(w, r, err)
	}
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
		logoPath:       {http.MethodGet: s.layout.ServeLogo},
	}
}
