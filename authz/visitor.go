package authz

import (
	"context"
	"net/http"
	"net/url"

	"gatehouse/authz/client"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/internal/text"
	"gatehouse/authz/page"
	"gatehouse/registry"
)

// formTokenField is in every form of our pages.
const formTokenField = "form_token"

// visitor is a browser on our pages, and who is signed in there.
type visitor struct {
	browser  string // what its cookie holds; empty: it has none yet
	value    string // what the cookie of its session holds
	session  registry.Session
	signedIn bool
}

func (s *Server) visitorOf(ctx context.Context, r *http.Request) (visitor, error) {
	v := visitor{browser: s.cookies.get(r, browserCookie), value: s.cookies.get(r, sessionCookie)}
	var err error
	v.session, v.signedIn, err = s.sessions.Find(ctx, v.value)
	return v, err
}

// know gives the browser a cookie, unless it has one, and returns what that holds. One that it has is kept for longer.
func (s *Server) know(w http.ResponseWriter, r *http.Request) string {
	browser := s.cookies.get(r, browserCookie)
	if browser == "" {
		browser = client.NewSecret()
	}
	s.cookies.set(w, browserCookie, browser, browserLife)
	return browser
}

// sentFrom reports whether the form is from a page that this browser got, whoever is signed in.
func (v visitor) sentFrom(form url.Values) bool {
	return v.browser != "" && text.IsSame(formToken(v.browser), form.Get(formTokenField))
}

// sentSignedIn reports whether the form is from a page that this browser got in the session that it still has.
func (v visitor) sentSignedIn(form url.Values) bool {
	return v.signedIn && text.IsSame(formToken(v.value), form.Get(formTokenField))
}

// shownName is who is signed in, for the user to recognize.
func (v visitor) shownName() page.Message {
	if name := client.Visible(v.session.Name); name != "" {
		return page.Verbatim(name, nil)
	}
	return page.Say("user", "id", v.session.Subject)
}

// readOwnForm reads a form of our pages. No other site may send one, and no password may be in the query.
func (s *Server) readOwnForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if err := s.crossOrigin.check(r, true); err != nil {
		return nil, err
	}
	sent, err := endpoint.ReadParameters(w, r)
	return sent.Body, err
}

// openForm reads a form of our pages and finds out which browser sent it.
func (s *Server) openForm(ctx context.Context, w http.ResponseWriter, r *http.Request) (url.Values, visitor, error) {
	form, err := s.readOwnForm(w, r)
	if err != nil {
		return nil, visitor{}, err
	}
	v, err := s.visitorOf(ctx, r)
	return form, v, err
}

// seeOther sends the browser on to one of our pages, so that reloading it sends no form again.
func (s *Server) seeOther(w http.ResponseWriter, path string) {
	h := w.Header()
	h.Set("Location", s.base+path)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(http.StatusSeeOther)
}
