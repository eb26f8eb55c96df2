package authz_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/registry"
)

var asBrowser = header("Accept", "text/html,application/xhtml+xml")

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// fillIn is the page's form as a browser would send it.
func fillIn(t *testing.T, page answer, pairs ...string) url.Values {
	t.Helper()
	require.Contains(t, page.text, `<form method="post" action="/oauth/authorize">`)
	sent := hiddenFields(page)
	for i := 0; i < len(pairs); i += 2 {
		sent.Set(pairs[i], pairs[i+1])
	}
	return sent
}

func hiddenFields(page answer) url.Values {
	sent := url.Values{}
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
	asked := authorization("app", "login", "", "password", "", "state", `a&b"<c>+d'`, "expires_in", "5400", "code_challenge", verifier)
	page := w.get("/oauth/authorize?"+asked.Encode(), asBrowser)
	requirePage(t, page, http.StatusOK)
	for _, shown := range []string{"An App", "localhost:8080", "Read your balance.", "Create invoices on your behalf.", "balance:read", "Allow", "Deny",
		"lasts 1 hour 30 minutes"} {
		require.Contains(t, page.text, shown)
	}
	require.NotContains(t, page.text, "Send payments")

	wrong := w.post("/oauth/authorize", fillIn(t, page, "login", "login", "password", "nope", "decision", "allow"), asBrowser)
	requirePage(t, wrong, http.StatusUnauthorized)
	require.Contains(t, wrong.text, "Login or password is wrong.")
	require.Contains(t, wrong.text, `value="login"`)
	require.NotContains(t, wrong.text, "nope")

	a := w.post("/oauth/authorize", fillIn(t, wrong, "login", "login", "password", "password", "decision", "allow"), asBrowser)
	require.Equal(t, http.StatusSeeOther, a.StatusCode, "a browser must not send the password on: %s", a.text)
	location, err := a.Location()
	require.NoError(t, err)
	require.Equal(t, `a&b"<c>+d'`, location.Query().Get("state"))
	token := w.post("/oauth/token", redemption(location.Query().Get("code"), "code_verifier", verifier), basic("app", appSecret))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	require.EqualValues(t, 5400, token.json["expires_in"])

	denied := w.post("/oauth/authorize", fillIn(t, page, "decision", "deny"), asBrowser)
	require.Equal(t, http.StatusSeeOther, denied.StatusCode)
	require.Contains(t, denied.Header.Get("Location"), "error=access_denied")
}

func TestThePageWorksBelowAPath(t *testing.T) {
	var below http.Handler
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { below.ServeHTTP(w, r) }))
	defer proxy.Close()
	w := newWorld(t, func(c *authz.Config) { c.Issuer = proxy.URL + "/auth" })
	mux := http.NewServeMux()
	mux.Handle("/auth/", http.StripPrefix("/auth", w.server.Public()))
	below = mux

	asked := authorization("app", "login", "", "password", "")
	page := w.do(http.MethodGet, proxy.URL+"/auth/oauth/authorize?"+asked.Encode(), "", nil, asBrowser)
	requirePage(t, page, http.StatusOK)
	action := regexp.MustCompile(`<form method="post" action="([^"]*)">`).FindStringSubmatch(page.text)
	require.Len(t, action, 2, page.text)
	to, err := page.Request.URL.Parse(action[1])
	require.NoError(t, err)
	sent := hiddenFields(page)
	sent.Set("login", "login")
	sent.Set("password", "password")
	a := w.do(http.MethodPost, to.String(), "application/x-www-form-urlencoded", strings.NewReader(sent.Encode()), asBrowser)
	require.Equal(t, http.StatusSeeOther, a.StatusCode, a.text)
	require.Contains(t, a.Header.Get("Location"), "code=")
}

func TestThePageSaysHowLongAccessLasts(t *testing.T) {
	w := newWorld(t)
	for asked, shown := range map[string]string{
		"": "", "1": "lasts 1 second before", "60": "lasts 1 minute before", "86460": "lasts 1 day before", "2592000": "lasts 30 days before",
		"90061": "lasts 1 day 1 hour before", "99999999999": "lasts 365 days before", // the maximum
	} {
		page := w.get("/oauth/authorize?"+authorization("app", "login", "", "password", "", "expires_in", asked).Encode(), asBrowser)
		requirePage(t, page, http.StatusOK)
		require.Contains(t, page.text, shown)
		require.Equal(t, shown != "", strings.Contains(page.text, "lasts"), asked)
	}
}

func TestTheFormOfAnotherSiteSignsNobodyIn(t *testing.T) {
	w := newWorld(t)
	page := w.get("/oauth/authorize?"+authorization("app", "login", "", "password", "").Encode(), asBrowser)
	require.Equal(t, "same-origin", page.Header.Get("Referrer-Policy"), "with no-referrer the Origin of our own form would be null")
	ours := fillIn(t, page, "login", "login", "password", "password", "decision", "allow")
	foreign := authorization("app")

	for name, from := range map[string]option{
		"a newer browser":              header("Sec-Fetch-Site", "cross-site"),
		"a subdomain":                  header("Sec-Fetch-Site", "same-site"),
		"an older browser":             header("Origin", "https://evil.example"),
		"a page that hides its origin": header("Origin", "null"),
	} {
		a := w.post("/oauth/authorize", ours, asBrowser, from)
		requirePage(t, a, http.StatusForbidden)
		require.NotContains(t, a.text, "<form", name)
		w.requireError(w.post("/oauth/authorize", foreign, from), http.StatusForbidden, "access_denied")
		w.requireError(w.post("/oauth/authorize", withoutLogin(), from, basic("login", "password")), http.StatusForbidden, "access_denied")
	}
	elsewhere := func(host string) option { return func(r *http.Request) { r.Host = host } }
	for name, options := range map[string][]option{
		"our page in a newer browser":      {asBrowser, header("Sec-Fetch-Site", "same-origin"), header("Origin", w.url)},
		"our page in an older browser":     {asBrowser, header("Origin", w.url)},
		"our page in a very old browser":   {asBrowser},
		"our page behind another Host":     {asBrowser, header("Origin", w.url), elsewhere("authz.internal")},
		"our page, sent again by the user": {asBrowser, header("Sec-Fetch-Site", "none")},
	} {
		require.Equal(t, http.StatusSeeOther, w.post("/oauth/authorize", ours, options...).StatusCode, name)
	}
	for name, options := range map[string][]option{
		"a program":                     nil,
		"a program that says who it is": {header("User-Agent", "alby-js-sdk")},
	} {
		require.Equal(t, http.StatusFound, w.post("/oauth/authorize", ours, options...).StatusCode, name)
	}
	require.Equal(t, http.StatusFound, w.post("/oauth/authorize", foreign, elsewhere("authz.internal")).StatusCode, "a program beside the server")

	// A site may point its own name at this server, and then has the page under that name.
	rebound := elsewhere("evil.example")
	for name, options := range map[string][]option{
		"a newer browser":    {header("Sec-Fetch-Site", "same-origin"), header("Origin", "http://evil.example")},
		"an older browser":   {header("Origin", "http://evil.example")},
		"without an Origin":  {header("Sec-Fetch-Site", "same-origin")},
		"a very old browser": nil,
	} {
		a := w.post("/oauth/authorize", ours, append(options, asBrowser, rebound)...)
		requirePage(t, a, http.StatusForbidden)
		require.Contains(t, a.text, w.url, "%s: the page is there", name)
		require.Empty(t, a.Header.Get("Location"))
	}
	token := header("Authorization", "Bearer "+w.userJWT(map[string]any{"id": 1, "exp": w.clock.Now().Add(time.Minute).Unix()}))
	require.Equal(t, http.StatusFound, w.allow(token, header("Origin", "https://host.example"), header("Sec-Fetch-Site", "cross-site")).StatusCode,
		"no form can send a token: it is a page of the host application's")
}

func TestTheFormOfASiteThatTheOperatorTrustsSignsUsersIn(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.TrustedOrigins = []string{"https://host.example", "http://localhost:3001"} })
	for _, origin := range w.config.TrustedOrigins {
		a := w.post("/oauth/authorize", authorization("app"), asBrowser, header("Origin", origin), header("Sec-Fetch-Site", "cross-site"))
		require.Equal(t, subject, w.subjectOf(a))
		wrong := w.post("/oauth/authorize", authorization("app", "password", "wrong"), asBrowser, header("Origin", origin))
		require.Equal(t, http.StatusUnauthorized, wrong.StatusCode)
	}
	page := w.get("/oauth/authorize?"+authorization("app", "login", "", "password", "").Encode(), asBrowser)
	ours := fillIn(t, page, "login", "login", "password", "password", "decision", "allow")
	requirePage(t, w.post("/oauth/authorize", ours, asBrowser, header("Origin", "https://host.example")), http.StatusForbidden)
	for _, origin := range []string{
		"https://evil.example", "null", "http://host.example", "https://host.example:8443", "https://host.example.evil.example",
		"https://x.host.example", "https://HOST.example", "https://host.example/", "http://localhost", "",
	} {
		a := w.post("/oauth/authorize", authorization("app"), header("Origin", origin), header("Sec-Fetch-Site", "cross-site"))
		w.requireError(a, http.StatusForbidden, "access_denied")
	}
}

// What follows the scheme of a native application says nothing about who gets the code.
func TestThePageShowsTheSchemeOfANativeApplication(t *testing.T) {
	w := newWorld(t)
	for redirectURI, shown := range map[string]string{
		"evilapp://bank.example/cb":       "<strong>evilapp:</strong>",
		"com.example.app:/bank.example":   "<strong>com.example.app:</strong>",
		"https://app.example:8443/cb":     "<strong>app.example:8443</strong>",
		"http://127.0.0.1:4711/anything":  "<strong>127.0.0.1:4711</strong>",
		"com.example.app://bank.example/": "<strong>com.example.app:</strong>",
	} {
		w.change("spa", func(c *registry.Client) { c.RedirectURIs = []string{redirectURI} })
		page := w.get("/oauth/authorize?"+authorization("spa", "login", "", "password", "", "redirect_uri", redirectURI, "code_challenge", verifier).Encode(), asBrowser)
		requirePage(t, page, http.StatusOK)
		text, _, _ := strings.Cut(page.text, "<form")
		require.Contains(t, text, shown)
		require.NotContains(t, text, "bank.example")
	}
	w.change("spa", func(c *registry.Client) { c.RedirectURIs = []string{"evilapp://bank.example/cb"} })
	code := w.code("spa", "redirect_uri", "evilapp://bank.example/cb", "code_challenge", verifier)
	a := w.post("/oauth/token", redemption(code, "client_id", "spa", "redirect_uri", "evilapp://bank.example/cb", "code_verifier", verifier))
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	listed := w.get("/clients", w.as(12345)).text
	require.Contains(t, listed, `"domain":"evilapp:"`)
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

	w.change("app", func(c *registry.Client) { c.Name = "Evil \u202eelgooG" }) // registered before that was refused
	page = w.get("/oauth/authorize?"+authorization("app", "login", "", "password", "").Encode(), asBrowser)
	require.Contains(t, page.text, "Evil elgooG")
	require.NotContains(t, page.text, "\u202e")
}

func TestProgramsThatPostGetJSON(t *testing.T) {
	w := newWorld(t)
	wrong := authorization("app", "password", "wrong")
	w.requireError(w.post("/oauth/authorize", wrong, asBrowser), http.StatusUnauthorized, "access_denied")
	wrong.Set("page", "1")
	w.requireError(w.post("/oauth/authorize", wrong, header("Accept", "*/*")), http.StatusUnauthorized, "access_denied")
	w.requireError(w.post("/oauth/authorize", authorization("nobody"), asBrowser), http.StatusBadRequest, "invalid_client")
}
