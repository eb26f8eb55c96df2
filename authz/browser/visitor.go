package browser

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

// Visitor is a browser on our pages, and who is signed in there.
type Visitor struct {
	Browser  string // what its cookie holds; empty: it has none yet
	Session  registry.Session
	SignedIn bool
	value    string // what the cookie of its session holds
}

// Visitor finds out which browser sent the request.
func (p *Pages) Visitor(ctx context.Context, r *http.Request) (Visitor, error) {
	v := Visitor{Browser: p.BrowserOf(r), value: p.Cookies.Get(r, sessionCookie)}
	var err error
	v.Session, v.SignedIn, err = p.sessions.Find(ctx, v.value)
	return v, err
}

// BrowserOf is what the cookie holds that tells browsers apart; empty: this one has none yet, or has forgotten it.
func (p *Pages) BrowserOf(r *http.Request) string { return p.Cookies.Get(r, browserCookie) }

// Know gives the browser a cookie, unless it has one, and returns what that holds. One that it has is kept for longer.
func (p *Pages) Know(w http.ResponseWriter, r *http.Request) string {
	browser := p.BrowserOf(r)
	if browser == "" {
		browser = client.NewSecret()
	}
	p.Cookies.Set(w, browserCookie, browser, CookieLife)
	return browser
}

// BeginSession signs the browser in, under a value that it never had before: see user.Sessions.
func (p *Pages) BeginSession(ctx context.Context, w http.ResponseWriter, v Visitor, subject, name, method, requestID string) error {
	value, err := p.sessions.Begin(ctx, subject, name, method, v.value, requestID)
	if err == nil {
		p.Cookies.Set(w, sessionCookie, value, p.sessions.Absolute)
	}
	return err
}

// EndSession ends the session of this browser, whose cookie ForgetSession takes away.
func (p *Pages) EndSession(ctx context.Context, v Visitor) error { return p.sessions.End(ctx, v.value) }

// ForgetSession takes away the cookie of a session that has ended.
func (p *Pages) ForgetSession(w http.ResponseWriter) { p.Cookies.Set(w, sessionCookie, "", 0) }

// FormToken is that of the forms on pages of the visitor's session.
func (v Visitor) FormToken() string { return FormToken(v.value) }

// SentFrom reports whether the form is from a page that this browser got, whoever is signed in.
func (v Visitor) SentFrom(form url.Values) bool {
	return v.Browser != "" && text.IsSame(FormToken(v.Browser), form.Get(formTokenField))
}

// SentSignedIn reports whether the form is from a page that this browser got in the session that it still has.
func (v Visitor) SentSignedIn(form url.Values) bool {
	return v.SignedIn && text.IsSame(FormToken(v.value), form.Get(formTokenField))
}

// ShownName is who is signed in, for the user to recognize.
func (v Visitor) ShownName() page.Message {
	if name := client.Visible(v.Session.Name); name != "" {
		return page.Verbatim(name, nil)
	}
	return page.Say("user", "id", v.Session.Subject)
}

// ReadForm reads a form of our pages. No other site may send one, and no password may be in the query.
func (p *Pages) ReadForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if err := p.origin.check(r, true); err != nil {
		return nil, err
	}
	sent, err := endpoint.ReadParameters(w, r)
	return sent.Body, err
}

// OpenForm reads a form of our pages and finds out which browser sent it.
func (p *Pages) OpenForm(ctx context.Context, w http.ResponseWriter, r *http.Request) (url.Values, Visitor, error) {
	form, err := p.ReadForm(w, r)
	if err != nil {
		return nil, Visitor{}, err
	}
	v, err := p.Visitor(ctx, r)
	return form, v, err
}
