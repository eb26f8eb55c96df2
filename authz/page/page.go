package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
)

//go:embed *.html page.css
var files embed.FS

var (
	style = mustRead("page.css")
	// policy allows the one inline style and nothing else. There is no form-action: browsers apply it to the redirect that
	// follows, which goes to the client and from there wherever the client likes.
	policy = "default-src 'none'; style-src 'sha256-" + hash(style) + "'; base-uri 'none'; frame-ancestors 'none'"
)

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

// Write answers with the page in that language. It returns an error, and has written nothing, when the page cannot be made.
func Write(w http.ResponseWriter, status int, l *Language, v View) error {
	var out bytes.Buffer
	err := l.pages.ExecuteTemplate(&out, v.template(), struct {
		Language string
		Style    template.CSS // ours, embedded
		View     View
	}{l.Name(), template.CSS(style), v})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", l.Name())
	h.Add("Vary", "Accept-Language")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, a browser would not say that the form is ours
	h.Set("Cache-Control", "no-store")      // also so that Back asks again
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the user has gone when this fails
	return nil
}
