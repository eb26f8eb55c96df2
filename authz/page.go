package authz

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/authz/internal/endpoint"
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
		s.failures.Answer(w, r, err)
	}
}

func acceptsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// showStart says what this server is.
func (s *Server) showStart(w http.ResponseWriter, r *http.Request) {
	if !acceptsHTML(r) {
		s.failures.Answer(w, r, endpoint.ErrNotFound)
		return
	}
	s.show(w, r, http.StatusOK, page.Start{Service: s.service, Account: s.base + accountPath})
}

// onPage bounds what a handler of our pages does, and answers with the error that it returns.
func (s *Server) onPage(handle func(context.Context, http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := endpoint.Deadline(r)
		defer cancel()
		if err := handle(ctx, w, r); err != nil {
			s.failPage(w, r, err)
		}
	}
}

// pages are where users go by themselves.
func (s *Server) pages() endpoint.Routes {
	pages := endpoint.Routes{
		"/{$}":         {http.MethodGet: s.showStart},
		"/account":     {http.MethodGet: s.showAccount},
		accountPath:    {http.MethodGet: s.showApplications},
		disconnectPath: {http.MethodGet: s.showDisconnect, http.MethodPost: s.disconnectOnPage},
		signInPage:     {http.MethodGet: s.onPage(s.showSignIn), http.MethodPost: s.onPage(s.signIn)},
		hostSignInPath: {http.MethodPost: s.onPage(s.goToHost)},
		returnPath:     {http.MethodGet: s.onPage(s.finishReturn), http.MethodPost: s.onPage(s.comeBack)},
		signOutPath:    {http.MethodPost: s.onPage(s.signOut)},
	}
	if len(s.spendUnits) > 0 {
		pages[budgetPath] = map[string]http.HandlerFunc{http.MethodGet: s.onPage(s.showBudget), http.MethodPost: s.onPage(s.changeBudget)}
		pages[paymentsPath] = map[string]http.HandlerFunc{http.MethodGet: s.onPage(s.showPayments)}
	}
	if s.layout.HasLogo() {
		pages[logoPath] = map[string]http.HandlerFunc{http.MethodGet: s.layout.ServeLogo}
	}
	return pages
}
