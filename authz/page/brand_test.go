package page

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const svg = `<?xml version="1.0"?><!-- ours --><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`

func TestEveryPageShowsTheBrand(t *testing.T) {
	layout := testLayout(t, Brand{Name: `A & B`, Logo: []byte(svg), Colour: "#F7931A", SupportURL: "mailto:help@wallet.example"})
	for _, v := range views() {
		w := httptest.NewRecorder()
		require.NoError(t, layout.Write(w, 200, languages[1], v))
		html := w.Body.String()
		require.Regexp(t, `<header class="brand"><img src="/oauth/logo\?v=[^"]+" alt="" height="40"><span>A &amp; B</span></header>`, html)
		require.Contains(t, html, `<footer><a href="mailto:help@wallet.example">Hilfe erhalten</a></footer>`)
		style := html[strings.Index(html, "<style>")+len("<style>") : strings.Index(html, "</style>")]
		require.Contains(t, style, "--main: #F7931A; --on-main: #000000;")
		policy := w.Header().Get("Content-Security-Policy")
		require.Contains(t, policy, "'sha256-"+hash(style)+"'", "the browser applies what the policy names")
		require.Contains(t, policy, "default-src 'none'")
		require.Contains(t, policy, "img-src 'self'")
	}
	w := httptest.NewRecorder()
	require.NoError(t, testLayout(t, Brand{}).Write(w, 200, English, Failure{}))
	require.NotContains(t, w.Header().Get("Content-Security-Policy"), "img-src")
	require.NotRegexp(t, `<img|<header|<footer`, w.Body.String())
}

// An SVG can hold scripts. Nobody runs them, not even who opens it by itself.
func TestTheLogoRunsNothing(t *testing.T) {
	for want, content := range map[string]string{
		"image/svg+xml": svg, "image/png": "\x89PNG\x0d\x0a\x1a\x0a…", "image/webp": "RIFF\x00\x00\x00\x00WEBPVP…",
	} {
		w := httptest.NewRecorder()
		testLayout(t, Brand{Logo: []byte(content)}).ServeLogo(w, httptest.NewRequest("GET", "/oauth/logo", nil))
		require.Equal(t, want, w.Header().Get("Content-Type"))
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "sandbox;")
		require.Equal(t, content, w.Body.String())
	}
}

func TestABrandThatCannotBeShownIsRefused(t *testing.T) {
	for problem, brand := range map[string]Brand{
		"name must be":   {Name: strings.Repeat("x", 51)},
		"name must":      {Name: "a\nb"},
		"logo must be a": {Logo: []byte("<html><svg></svg></html>")},
		"logo must be":   {Logo: []byte("GIF89a")},
		"logo must":      {Logo: []byte("<svg>")},
		"at most 64 KiB": {Logo: make([]byte, MaxLogo+1)},
		"colour must be": {Colour: "orange"},
		"colour must":    {Colour: "#ffffff;}body{background:red"},
		"support URL mu": {SupportURL: "javascript:alert(1)"},
		"support URL m":  {SupportURL: "http://help.example"},
		"support URL":    {SupportURL: "https://user:password@help.example"},
	} {
		_, err := NewLayout(brand, "/oauth/logo")
		require.ErrorContains(t, err, problem)
	}
	for range 10 {
		_, err := NewLayout(Brand{Name: "\x00", Logo: []byte("?"), Colour: "?", SupportURL: "?"}, "/oauth/logo")
		require.Regexp(t, `(?s)name .*logo .*colour .*support URL `, err.Error(), "every problem at once, in the same order each time")
	}
}

// Whatever the colour is, its text can be read (WCAG 2, success criterion 1.4.3).
func TestTextOnEveryColourCanBeRead(t *testing.T) {
	require.InDelta(t, 21, contrast("#ffffff", "#000000"), 1e-9)
	require.InDelta(t, 4.54, contrast("#767676", "#ffffff"), 0.01, "a grey that WCAG's own tools call just enough")
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				colour := fmt.Sprintf("#%02x%02x%02x", r, g, b)
				require.GreaterOrEqual(t, contrast(colour, textOn(colour)), 4.5, colour)
			}
		}
	}
}
