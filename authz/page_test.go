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
	"gatehouse/authz/page"
	"gatehouse/registry"
)

func unescape(s string) string {
	return strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">").Replace(s)
}

var applicationPicture = regexp.MustCompile(`<img class="picture" src="https://[^"]*" alt="" width="64" height="64" referrerpolicy="no-referrer">`)

func requirePage(t *testing.T, a answer, status int) {
	t.Helper()
	require.Equal(t, status, a.StatusCode, a.text)
	require.Equal(t, "text/html; charset=utf-8", a.Header.Get("Content-Type"))
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	require.Equal(t, "DENY", a.Header.Get("X-Frame-Options"))
	require.Contains(t, a.Header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.NotRegexp(t, `(?i)<script|\ssrc=|<link|<img`, applicationPicture.ReplaceAllString(a.text, ""))
}

func TestTheUserSignsInAndDecides(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	requirePage(t, b.open(request("app", "state", `a&b"<c>+d'`, "expires_in", "5400", "code_challenge", verifier)), http.StatusOK)
	require.Contains(t, b.page.text, "Sign in to go on to An App")
	require.Contains(t, b.page.text, strings.TrimPrefix(w.url, "http://"), "whose password it is")
	require.NotContains(t, b.page.text, "Allow</button>")
	require.NotContains(t, b.page.Request.URL.String(), "state")

	requirePage(t, b.signIn("login", "nope"), http.StatusUnauthorized)
	require.Contains(t, b.page.text, "Login or password is wrong.")
	require.Contains(t, b.page.text, `<title>Login or password is wrong. Sign in</title>`)
	require.Contains(t, b.page.text, `value="login"`)
	require.Contains(t, b.page.text, `aria-invalid="true"`)
	require.NotContains(t, b.page.text, "nope")
	requirePage(t, b.reload(), http.StatusOK)
	require.NotContains(t, b.page.text, "wrong", "it was told once")

	requirePage(t, b.signIn("login", "password"), http.StatusOK)
	for _, shown := range []string{"An App asks for access", "localhost:8080", "Read your balance.", "Create invoices on your behalf.", "balance:read",
		"Allow", "Deny", "not renewed it for 30 days", "You are signed in as <strong>login</strong>"} {
		require.Contains(t, b.page.text, shown)
	}
	require.NotContains(t, b.page.text, "Send payments")
	require.Regexp(t, `^/oauth/authorize/[A-Z0-9]+$`, b.page.Request.URL.RequestURI(), "the address holds the ID and nothing else")
	asked := b.page.Request.URL.String()
	requirePage(t, b.reload(), http.StatusOK)

	a := b.press("allow")
	require.Equal(t, http.StatusSeeOther, a.StatusCode, "a browser must not send a form on to the client")
	require.Equal(t, `a&b"<c>+d'`, b.sent(a).Get("state"))
	require.Equal(t, w.url, b.sent(a).Get("iss"))
	token := w.post("/oauth/token", redemption(b.sent(a).Get("code"), "code_verifier", verifier), basic("app", appSecret))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	require.EqualValues(t, 5400, token.json["expires_in"])
	require.Equal(t, subject, w.claims(token.str("access_token")).Subject)

	requirePage(t, b.open(asked), http.StatusGone)
	require.Contains(t, b.page.text, "You have decided this already.", "the Back button")

	requirePage(t, b.open(request("app")), http.StatusOK)
	require.Contains(t, b.page.text, "An App asks for access", "one who is signed in decides at once")
	require.Equal(t, "access_denied", b.sent(b.press("deny")).Get("error"))
	requirePage(t, b.reload(), http.StatusGone)
}

func TestAUserNeedNotSignInToSayNo(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.open(request("app", "state", "xyz"))
	sent := b.sent(b.press("cancel"))
	require.Equal(t, []string{"access_denied", "xyz"}, []string{sent.Get("error"), sent.Get("state")})
	sent = b.sent(b.press("cancel"))
	require.Equal(t, "access_denied", sent.Get("error"), "pressed twice")
	requirePage(t, b.reload(), http.StatusGone)
}

func TestThePageWorksBelowAPath(t *testing.T) {
	var below http.Handler
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { below.ServeHTTP(w, r) }))
	defer proxy.Close()
	w := newWorld(t, func(c *authz.Config) { c.Issuer = proxy.URL + "/auth" })
	mux := http.NewServeMux()
	mux.Handle("/auth/", http.StripPrefix("/auth", w.server.Public()))
	below = mux

	w.url = proxy.URL
	b := w.browser()
	requirePage(t, b.open("/auth"+request("app")), http.StatusOK)
	requirePage(t, b.signIn("login", "password"), http.StatusOK)
	require.NotEmpty(t, b.sent(b.press("allow")).Get("code"))
	require.NotEmpty(t, b.cookie("gatehouse"))
}

func TestThePageSaysHowLongAccessLasts(t *testing.T) {
	b := newWorld(t).signedIn()
	for asked, shown := range map[string]string{
		"": "2 hours", "1": "1 second", "60": "1 minute", "86460": "1 day", "2592000": "30 days", "90061": "1 day 1 hour",
		"99999999999": "365 days", // the maximum
	} {
		page := b.open(request("once", "expires_in", asked))
		requirePage(t, page, http.StatusOK)
		require.Contains(t, page.text, "Access ends by itself after "+shown+".")
	}
	for asked, shown := range map[string]string{"": "30 days", "86400": "30 days", "99999999999": "365 days"} {
		require.Contains(t, b.open(request("app", "expires_in", asked)).text, "until the application has not renewed it for "+shown+".")
	}
}

func TestTheFormOfAnotherSiteSignsNobodyIn(t *testing.T) {
	w := newWorld(t)
	foreign := authorization("app")
	for name, from := range map[string]option{
		"a newer browser":              header("Sec-Fetch-Site", "cross-site"),
		"a subdomain":                  header("Sec-Fetch-Site", "same-site"),
		"an older browser":             header("Origin", "https://evil.example"),
		"a page that hides its origin": header("Origin", "null"),
	} {
		w.requireError(w.post("/oauth/authorize", foreign, from), http.StatusForbidden, "access_denied")
		w.requireError(w.post("/oauth/authorize", foreign, from, asBrowser), http.StatusForbidden, "access_denied")
		w.requireError(w.post("/oauth/authorize", withoutLogin(), from, basic("login", "password")), http.StatusForbidden, "access_denied")
		require.NotEmpty(t, name)
	}
	for name, options := range map[string][]option{
		"a program":                     nil,
		"a program that says who it is": {header("User-Agent", "alby-js-sdk")},
		"a program beside the server":   {elsewhere("authz.internal")},
	} {
		require.Equal(t, http.StatusFound, w.post("/oauth/authorize", foreign, options...).StatusCode, name)
	}
	token := header("Authorization", "Bearer "+w.userJWT(map[string]any{"id": 1, "exp": w.clock.Now().Add(time.Minute).Unix()}))
	require.Equal(t, http.StatusFound, w.allow(token, header("Origin", "https://host.example"), header("Sec-Fetch-Site", "cross-site")).StatusCode,
		"no form can send a token: it is a page of the host application's")
}

func elsewhere(host string) option { return func(r *http.Request) { r.Host = host } }

func TestTheFormOfASiteThatTheOperatorTrustsSignsUsersIn(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.TrustedOrigins = []string{"https://host.example", "http://localhost:3001"} })
	for _, origin := range w.config.TrustedOrigins {
		a := w.post("/oauth/authorize", authorization("app"), asBrowser, header("Origin", origin), header("Sec-Fetch-Site", "cross-site"))
		require.Equal(t, subject, w.subjectOf(a))
		wrong := w.post("/oauth/authorize", authorization("app", "password", "wrong"), asBrowser, header("Origin", origin))
		require.Equal(t, http.StatusUnauthorized, wrong.StatusCode)
	}
	b := w.browser()
	b.open(request("app"))
	action, ours := b.form("sign-in")
	ours.Set("login", "login")
	ours.Set("password", "password")
	trusted := w.post(action, ours, asBrowser, header("Origin", "https://host.example"), header("Cookie", "gatehouse-browser="+b.cookie("gatehouse-browser")))
	requirePage(t, trusted, http.StatusForbidden)
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
	b := w.signedIn()
	for redirectURI, shown := range map[string]string{
		"evilapp://bank.example/cb":       "<strong>evilapp:</strong>",
		"com.example.app:/bank.example":   "<strong>com.example.app:</strong>",
		"https://app.example:8443/cb":     "<strong>app.example:8443</strong>",
		"http://127.0.0.1:4711/anything":  "<strong>127.0.0.1:4711</strong>",
		"com.example.app://bank.example/": "<strong>com.example.app:</strong>",
	} {
		w.change("spa", func(c *registry.Client) { c.RedirectURIs = []string{redirectURI} })
		page := b.open(request("spa", "redirect_uri", redirectURI, "code_challenge", verifier))
		requirePage(t, page, http.StatusOK)
		require.Contains(t, page.text, shown)
		require.NotContains(t, page.text, "bank.example")
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
	b := w.signedIn()
	w.change("app", func(c *registry.Client) { c.Name = `<script>alert(1)</script>` })
	page := b.open(request("app"))
	requirePage(t, page, http.StatusOK)
	require.Contains(t, page.text, "&lt;script&gt;")

	w.change("app", func(c *registry.Client) { c.Name = "Evil \u202eelgooG" }) // registered before that was refused
	page = b.open(request("app"))
	require.NotContains(t, page.text, "Evil")
	require.Contains(t, page.text, "app asks for access")
	w.tokens()
	require.Contains(t, w.get("/clients", w.as(12345)).text, `"name":"app"`)
}

func TestProgramsThatPostGetJSON(t *testing.T) {
	w := newWorld(t)
	wrong := authorization("app", "password", "wrong")
	w.requireError(w.post("/oauth/authorize", wrong, asBrowser), http.StatusUnauthorized, "access_denied")
	w.requireError(w.post("/oauth/authorize", authorization("nobody"), asBrowser), http.StatusBadRequest, "invalid_client")
}

func TestThePagesAreOfTheBrand(t *testing.T) {
	const svg = `<svg xmlns="http://www.w3.org/2000/svg"/>`
	w := newWorld(t, func(c *authz.Config) {
		c.Brand = page.Brand{Name: "Our Wallet", Logo: []byte(svg), SupportURL: "https://help.example"}
	})
	b := w.browser()
	for _, target := range []string{request("app"), request("nobody")} {
		html := b.open(target).text
		require.Contains(t, html, "Our Wallet")
		require.NotContains(t, html, strings.TrimPrefix(w.url, "http://"))
		require.Contains(t, html, `href="https://help.example"`)
		source := regexp.MustCompile(`<img src="([^"]*)"`).FindStringSubmatch(html)
		require.NotNil(t, source)
		require.Equal(t, svg, b.request(http.MethodGet, unescape(source[1]), nil).text)
	}
}
