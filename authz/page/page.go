package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed *.html page.css
var files embed.FS

func mustRead(name string) string {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded: it is there or the program does not build
	}
	return string(content)
}

func hash(text string) string {
	digest := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(digest[:])
}

// View is one of this package's kinds of page.
type View interface {
	template() string
	// Title is what the browser calls the page.
	Title() Message
}

// Layout is what all pages of a service share. It is safe for concurrent use.
type Layout struct {
	brand   Brand
	style   template.CSS
	logo    *logo
	logoURL string
	images  string // of the pages themselves, as a policy names them
}

// NewLayout makes the layout of a brand, whose logo a browser asks for at logoPath (ServeLogo). The error says everything that is
// wrong with the brand.
func NewLayout(brand Brand, logoPath string) (*Layout, error) {
	if err := brand.check(); err != nil {
		return nil, err
	}
	l := &Layout{brand: brand, style: template.CSS(mustRead("page.css")) + brand.style()} // ours, embedded
	var err error
	if l.logo, err = newLogo(brand.Logo); l.logo != nil {
		l.images = "'self'"
		l.logoURL = logoPath + "?" + url.Values{"v": {l.logo.version}}.Encode()
	}
	return l, err
}

// policy allows the one inline style, the logo, the picture of an application if there is one, and nothing else. There is no
// form-action: browsers apply it to the redirect that follows, which goes to the client and from there wherever the client likes.
func (l *Layout) policy(v View) string {
	images := l.images
	if of, ok := v.(interface{ ShownPicture() string }); ok {
		images = strings.TrimSpace(images + " " + imageSource(of.ShownPicture()))
	}
	if images != "" {
		images = "img-src " + images + "; "
	}
	return "default-src 'none'; style-src 'sha256-" + hash(string(l.style)) + "'; " + images + "base-uri 'none'; frame-ancestors 'none'"
}

// Write answers with the page in that language. It returns an error, and has written nothing, when the page cannot be made.
func (l *Layout) Write(w http.ResponseWriter, status int, in *Language, v View) error {
	var out bytes.Buffer
	err := in.pages.ExecuteTemplate(&out, v.template(), struct {
		Language string
		Style    template.CSS
		Brand    Brand
		LogoURL  string
		View     View
	}{in.Name(), l.style, l.brand, l.logoURL, v})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", in.Name())
	h.Add("Vary", "Accept-Language")
	h.Set("Content-Security-Policy", l.policy(v))
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, a browser would not say that the form is ours
	h.Set("Cache-Control", "no-store")      // also so that Back asks again
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the user has gone when this fails
	return nil
}
