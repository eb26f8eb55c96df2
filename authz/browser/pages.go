package browser

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/page"
	"gatehouse/authz/user"
)

// Config is what Pages are made of.
type Config struct {
	Issuer         string   // a URL, without a slash at the end
	TrustedOrigins []string // ValidateTrustedOrigin says which can be
	Brand          page.Brand
	Sessions       *user.Sessions
	Failures       endpoint.Failures
}

// Pages answer the browsers that are on an issuer's pages. They are safe for concurrent use.
type Pages struct {
	Cookies Cookies
	Service string // what pages call this service

	base     string
	origin   crossOrigin
	sessions *user.Sessions
	layout   *page.Layout
	failures endpoint.Failures
}

// New fails on a brand whose logo cannot be shown.
func New(c Config) (*Pages, error) {
	base, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, err
	}
	p := &Pages{
		Cookies:  newCookies(c.Issuer),
		base:     base.EscapedPath(),
		origin:   newCrossOrigin(base, c.TrustedOrigins),
		sessions: c.Sessions,
		failures: c.Failures,
	}
	p.Service = cmp.Or(c.Brand.Name, p.origin.host)
	p.layout, err = page.NewLayout(c.Brand, p.Link(logoPath))
	return p, err
}

// logoPath is where our pages have the brand's logo.
const logoPath = "/oauth/logo"

// Routes are the pages that are about nobody: what this server is, and its logo.
func (p *Pages) Routes() endpoint.Routes {
	routes := endpoint.Routes{"/{$}": {http.MethodGet: p.showStart}}
	if p.layout.HasLogo() {
		routes[logoPath] = map[string]http.HandlerFunc{http.MethodGet: p.layout.ServeLogo}
	}
	return routes
}

// Link is one of our paths as a browser has to ask for it: below the path of the issuer, which a proxy in front takes away. The
// origin is the one that the page came from, whatever name the user calls it by.
func (p *Pages) Link(path string) string { return p.base + path }

// Show answers with a page, in the language of its reader.
func (p *Pages) Show(w http.ResponseWriter, r *http.Request, status int, view page.View) {
	if err := p.layout.Write(w, status, LanguageOf(r), view); err != nil {
		p.failures.Answer(w, r, err)
	}
}

// SeeOther sends the browser on to one of our pages, so that reloading it sends no form again.
func (p *Pages) SeeOther(w http.ResponseWriter, path string) {
	h := w.Header()
	h.Set("Location", p.Link(path))
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(http.StatusSeeOther)
}

// Handle bounds what a handler of our pages does, and answers with the error that it returns.
func (p *Pages) Handle(handle func(context.Context, http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := endpoint.Deadline(r)
		defer cancel()
		if err := handle(ctx, w, r); err != nil {
			p.Fail(w, r, err)
		}
	}
}

func acceptsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// showStart says what this server is.
func (p *Pages) showStart(w http.ResponseWriter, r *http.Request) {
	if !acceptsHTML(r) {
		p.failures.Answer(w, r, endpoint.ErrNotFound)
		return
	}
	p.Show(w, r, http.StatusOK, page.Start{Service: p.Service, Account: p.Link(AccountPath)})
}
