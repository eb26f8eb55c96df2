package authz

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/authz/client"
)

// Fields of the page's own form.
const (
	pageField     = "page" // marks what was sent from the page
	decisionField = "decision"
	decisionDeny  = "deny"
)

//go:embed page.html page.css
var pageFiles embed.FS

var (
	pages     = template.Must(template.ParseFS(pageFiles, "page.html"))
	pageStyle = mustRead("page.css")
	// pagePolicy allows the one inline style and nothing else. There is no form-action: browsers apply it to the redirect
	// that follows, which goes to the client and from there wherever the client likes.
	pagePolicy = "default-src 'none'; style-src 'sha256-" + styleHash() + "'; base-uri 'none'; frame-ancestors 'none'"
)

func mustRead(name string) string {
	content, err := pageFiles.ReadFile(name)
	if err != nil {
		panic(err) // embedded: it is there or the program does not build
	}
	return string(content)
}

func styleHash() string {
	digest := sha256.Sum256([]byte(pageStyle))
	return base64.StdEncoding.EncodeToString(digest[:])
}

// consentAction is where the page's form goes: to the origin that the page came from, whatever name the user calls it by,
// below the path of the issuer, which a proxy in front takes away.
func consentAction(m metadata) string {
	endpoint, err := url.Parse(m.AuthorizationEndpoint)
	if err != nil {
		panic(err) // an issuer that is no URL was refused before
	}
	return endpoint.EscapedPath()
}

// page is what the templates show.
type page struct {
	Style   template.CSS
	Failure string

	Action     string // the authorization endpoint, as the browser has to ask for it
	Name       string
	Domain     string // where the answer goes, or else
	Scheme     string // which links the application on the device opens that gets it
	Scopes     []pageScope
	Lasts      string // how long an access token will be good, if the client asked for something else than usual
	Parameters []pageParameter
	PageField  string
	Decision   string
	DenyValue  string
	Login      string
}

type pageScope struct{ Name, Description string }

type pageParameter struct{ Name, Value string }

// showConsent asks the user to sign in and decide. failure says why the last try did not succeed; nil for the first.
func (s *Server) showConsent(w http.ResponseWriter, r *http.Request, a *authorization, failure error) {
	p := page{
		Action:    s.consentAction,
		Name:      client.ShownName(a.client.Name),
		PageField: pageField,
		Decision:  decisionField,
		DenyValue: decisionDeny,
	}
	if p.Name == "" {
		p.Name = a.client.ID
	}
	if isWeb(a.redirectURI) {
		p.Domain = a.redirectURI.Host
	} else {
		p.Scheme = a.redirectURI.Scheme
	}
	for _, name := range a.request.GetRequestedScopes() {
		p.Scopes = append(p.Scopes, pageScope{Name: name, Description: s.scopes.descriptions[name]})
	}
	if a.consent.accessLifespan != 0 {
		p.Lasts = inWords(a.consent.accessLifespan)
	}
	for _, name := range sortedNames(a.form) {
		if !slices.Contains([]string{"login", "password", pageField, decisionField}, name) {
			p.Parameters = append(p.Parameters, pageParameter{Name: name, Value: a.form.Get(name)})
		}
	}
	status := http.StatusOK
	if failure != nil {
		e := asOAuthError(failure)
		s.logFailure(r, e)
		setRetryAfter(w, e)
		status, p.Failure, p.Login = e.CodeField, describe(e), a.form.Get("login")
	}
	s.render(w, r, "consent", status, p)
}

// failPage answers a request that must not be redirected: as a page to a browser, else as JSON.
func (s *Server) failPage(w http.ResponseWriter, r *http.Request, sent parameters, err error) {
	if !acceptsHTML(r) || (r.Method == http.MethodPost && !fromPage(r, sent)) {
		s.fail(w, r, err)
		return
	}
	e := asOAuthError(err)
	s.logFailure(r, e)
	s.render(w, r, "failure", e.CodeField, page{Failure: describe(e)})
}

func (s *Server) render(w http.ResponseWriter, r *http.Request, name string, status int, p page) {
	p.Style = template.CSS(pageStyle) // ours, embedded
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, p); err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, a browser would not say that the form is ours
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the user has gone when this fails
}

// fromPage reports whether the request is the page's form, so that a page is the answer to expect.
func fromPage(r *http.Request, sent parameters) bool {
	return sent.body.Has(pageField) && acceptsHTML(r)
}

func acceptsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

func sortedNames(form url.Values) []string {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
