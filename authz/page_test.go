package authz_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

var asBrowser = header("Accept", "text/html,application/xhtml+xml")

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// fillIn is the page's form as a browser would send it.
func fillIn(t *testing.T, page answer, pairs ...string) url.Values {
	t.Helper()
	require.Contains(t, page.text, `<form method="post" action="/oauth/authorize">`)
	sent := form(pairs...)
	for _, field := range hiddenInput.FindAllStringSubmatch(page.text, -1) {
		sent.Set(unescape(field[1]), unescape(field[2]))
	}
	return sent
}

func unescape(s string) string {
	return strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">").Replace(s)
}

func requirePage(t *testing.T, a answer, status int) {
	t.Helper()
	require.Equal(t, status, a.StatusCode, a.text)
	require.Equal(t, "text/html; charset=utf-8", a.Header.Get("Content-Type"))
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	require.Equal(t, "DENY", a.Header.Get("X-Frame-Options"))
	require.Contains(t, a.Header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.NotRegexp(t, `(?i)<script|\ssrc=|<link|<img`, a.text)
}

func TestTheUserDecidesOnThePage(t *testing.T) {
	w := newWorld(t)
	asked := authorization("app", "login", "", "password", "", "state", `a&b"<c>+d'`, "expires_in", "60", "code_challenge", verifier)
	page := w.get("/oauth/authorize?"+asked.Encode(), asBrowser)
	requirePage(t, page, http.StatusOK)
	for _, shown := range []string{"An App", "localhost:8080", "Read your balance.", "Create invoices on your behalf.", "balance:read", "Allow", "Deny"} {
		require.Contains(t, page.text, shown)
	}
	require.NotContains(t, page.text, "Send payments")

	wrong := w.post("/oauth/authorize", fillIn(t, page, "login", "login", "password", "nope", "decision", "allow"), asBrowser)
	requirePage(t, wrong, http.StatusUnauthorized)
	require.Contains(t, wrong.text, "login or password is wrong")
	require.Contains(t, wrong.text, `value="login"`)
	require.NotContains(t, wrong.text, "nope")

	a := w.post("/oauth/authorize", fillIn(t, wrong, "login", "login", "password", "password", "decision", "allow"), asBrowser)
	require.Equal(t, http.StatusFound, a.StatusCode, a.text)
	location, err := a.Location()
	require.NoError(t, err)
	require.Equal(t, `a&b"<c>+d'`, location.Query().Get("state"))
	token := w.post("/oauth/token", redemption(location.Query().Get("code"), "code_verifier", verifier), basic("app", appSecret))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	require.EqualValues(t, 60, token.json["expires_in"])

	denied := w.post("/oauth/authorize", fillIn(t, page, "decision", "deny"), asBrowser)
	require.Equal(t, http.StatusFound, denied.StatusCode)
	require.Contains(t, denied.Header.Get("Location"), "error=access_denied")
}

func TestThePageOfABadRequest(t *testing.T) {
	w := newWorld(t)
	for name, asked := range map[string]url.Values{
		"unknown client": authorization("nobody"),
		"bad redirect":   authorization("app", "redirect_uri", "https://evil.example/"),
		"NUL":            authorization("app", "state", "\x00"),
	} {
		asked.Del("login")
		asked.Del("password")
		page := w.get("/oauth/authorize?"+asked.Encode(), asBrowser)
		requirePage(t, page, http.StatusBadRequest)
		require.NotContains(t, page.text, "<form", name)
		require.NotContains(t, page.text, "evil.example")
	}
	bad := authorization("app", "login", "", "password", "", "scope", "everything")
	a := w.get("/oauth/authorize?"+bad.Encode(), asBrowser)
	require.Equal(t, http.StatusFound, a.StatusCode)
	require.Contains(t, a.Header.Get("Location"), "error=invalid_scope")
}

func TestThePageShowsNamesAsText(t *testing.T) {
	w := newWorld(t)
	w.change("app", func(c *registry.Client) { c.Name = `<script>alert(1)</script>` })
	page := w.get("/oauth/authorize?"+authorization("app", "login", "", "password", "").Encode(), asBrowser)
	requirePage(t, page, http.StatusOK)
	require.Contains(t, page.text, "&lt;script&gt;")
}

func TestProgramsThatPostGetJSON(t *testing.T) {
	w := newWorld(t)
	wrong := authorization("app", "password", "wrong")
	w.requireError(w.post("/oauth/authorize", wrong, asBrowser), http.StatusUnauthorized, "access_denied")
	wrong.Set("page", "1")
	w.requireError(w.post("/oauth/authorize", wrong, header("Accept", "*/*")), http.StatusUnauthorized, "access_denied")
	w.requireError(w.post("/oauth/authorize", authorization("nobody"), asBrowser), http.StatusBadRequest, "invalid_client")
}
