package authz_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
)

func TestPromptLoginAsksForThePasswordAgain(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	for _, pairs := range [][]string{{"prompt", "login"}, {"prompt", "consent login"}, {"max_age", "0"}, {"max_age", "59"}} {
		w.clock.Advance(time.Minute)
		require.Contains(t, b.open(request("app", pairs...)).text, `id="sign-in"`, pairs)
		asked := "/oauth/authorize/" + b.page.Request.URL.Query().Get("request")
		require.Contains(t, b.open(asked).text, `id="sign-in"`, "the page of the request does not let it be skipped")
		before := b.cookie("gatehouse")
		require.Contains(t, b.signIn("login", "password").text, "An App asks for access", pairs)
		require.NotEqual(t, before, b.cookie("gatehouse"))
		w.clock.Advance(time.Minute)
		require.Contains(t, b.reload().text, "An App asks for access", "once is enough")
		require.Equal(t, subject, b.allowed(b.press("allow")))
	}
	for _, pairs := range [][]string{
		{"prompt", "consent"}, {"prompt", "select_account"}, {"prompt", "create"}, {"max_age", "60"}, {"max_age", "99999999999999999999999"},
	} {
		b = w.signedIn()
		w.clock.Advance(time.Minute)
		require.Contains(t, b.open(request("app", pairs...)).text, "An App asks for access", pairs)
	}
}

// A form that was shown before another tab asked for the password does not get around it.
func TestPromptLoginHoldsForTheForm(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	b.open(request("app"))
	_, form := b.form("allow")
	tab := b.tab()
	tab.open(request("app", "prompt", "login"))
	asked := "/oauth/authorize/" + tab.page.Request.URL.Query().Get("request")
	require.Contains(t, tab.follow(tab.request(http.MethodPost, asked, form)).text, `id="sign-in"`)
}

func TestPromptNoneShowsNoPage(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	silently := func(client string, pairs ...string) url.Values {
		a := b.open(request(client, append([]string{"prompt", "none", "state", "xyz"}, pairs...)...))
		require.NotContains(t, a.text, "<html")
		require.Equal(t, "xyz", b.sent(a).Get("state"))
		return b.sent(a)
	}
	require.Equal(t, "login_required", silently("app").Get("error"))
	require.Equal(t, "invalid_request", silently("app", "prompt", "none login").Get("error"))
	require.Equal(t, "invalid_request", silently("app", "max_age", "-1").Get("error"))
	require.Equal(t, "invalid_request", silently("app", "max_age", "soon").Get("error"))

	b.open("/account")
	b.signIn("login", "password")
	require.Equal(t, "consent_required", silently("app").Get("error"))
	b.open(request("app"))
	b.allowed(b.press("allow"))
	require.Equal(t, "consent_required", silently("app", "scope", "balance:read").Get("error"), "nothing shows that the client began it")
	challenge := []string{"code_challenge", verifier, "code_challenge_method", "plain"}
	proven := func(client string, pairs ...string) url.Values {
		return silently(client, append(pairs, challenge...)...)
	}
	code := proven("app", "scope", "balance:read").Get("code")
	require.NotEmpty(t, code)
	token := w.post("/oauth/token", redemption(code, "code_verifier", verifier), basic("app", appSecret))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	require.Equal(t, "balance:read", token.str("scope"))
	require.Equal(t, subject, w.claims(token.str("access_token")).Subject)

	require.Equal(t, "consent_required", proven("app", "scope", "balance:read payments:send").Get("error"), "more than was allowed")
	require.Equal(t, "consent_required", proven("app", "expires_in", "99999").Get("error"), "for longer than usual")
	require.Equal(t, "consent_required", proven("other").Get("error"), "another application")
	w.clock.Advance(time.Minute)
	require.Equal(t, "login_required", proven("app", "max_age", "59").Get("error"))
	require.NotEmpty(t, proven("app", "max_age", "60").Get("code"))
	require.Equal(t, http.StatusNoContent, w.do(http.MethodDelete, w.url+"/clients/app", "", nil, basic("login", "password")).StatusCode)
	require.Equal(t, "consent_required", proven("app").Get("error"), "it was taken back")
	b.open("/account")
	b.press("sign-out")
	require.Equal(t, "login_required", proven("app").Get("error"))
}

// Nothing proves that an application on the user's device is the one that was allowed (RFC 8252 section 8.6).
func TestPromptNoneIsNotForApplicationsThatNothingProves(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	for redirectURI, isProved := range map[string]bool{"com.example.app:/cb": false, "http://127.0.0.1:4711/cb": false, "https://app.example/cb": true} {
		w.clock.Advance(time.Second) // the latest consent is this one
		w.change("spa", func(c *registry.Client) { c.RedirectURIs = []string{redirectURI} })
		pairs := []string{"redirect_uri", redirectURI, "code_challenge", verifier}
		b.open(request("spa", pairs...))
		location := b.press("allow").Header.Get("Location")
		code, err := url.Parse(location)
		require.NoError(t, err)
		token := w.post("/oauth/token", redemption(code.Query().Get("code"), "client_id", "spa", "redirect_uri", redirectURI, "code_verifier", verifier))
		require.Equal(t, http.StatusOK, token.StatusCode, token.text)
		a := b.open(request("spa", append(pairs, "prompt", "none")...))
		require.Equal(t, isProved, strings.Contains(a.Header.Get("Location"), "code="), a.Header.Get("Location"))
		require.Equal(t, !isProved, strings.Contains(a.Header.Get("Location"), "consent_required"))
	}
}

func TestHintsOfTheClient(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	requirePage(t, b.open(request("app", "login_hint", `ann"><b>`, "ui_locales", "de-CH en")), http.StatusOK)
	require.Contains(t, b.page.text, `value="ann&#34;&gt;&lt;b&gt;"`)
	requirePage(t, b.signIn("bob", "x"), http.StatusUnauthorized)
	require.Contains(t, b.page.text, `value="bob"`)
	metadata := w.get("/.well-known/oauth-authorization-server")
	require.Equal(t, []any{"none", "login", "consent", "select_account"}, metadata.json["prompt_values_supported"])
}

// A program that sends the user's consent along shows no page, whatever it says about one.
func TestProgramsNeedNoPrompt(t *testing.T) {
	w := newWorld(t)
	for _, prompt := range []string{"none", "login", "consent", "none login"} {
		require.NotEmpty(t, w.code("app", "prompt", prompt, "max_age", "0"))
	}
}

// The user was shown one host of those that a domain stands for, and a public client proves nothing: whoever has another of
// them must not get a code without a click.
func TestPromptNoneIsForTheHostThatWasAllowed(t *testing.T) {
	w := newWorld(t)
	w.change("spa", func(c *registry.Client) { c.RedirectURIs, c.Domain = nil, "https://*.app.example" })
	b := w.signedIn()
	to := func(host string, pairs ...string) url.Values {
		pairs = append([]string{"redirect_uri", "https://" + host + "/cb", "code_challenge", verifier}, pairs...)
		a := b.open(request("spa", pairs...))
		if a.StatusCode == http.StatusOK {
			a = b.press("allow")
		}
		location, err := a.Location()
		require.NoError(t, err)
		require.Equal(t, host, location.Host)
		return location.Query()
	}
	allowed := redemption(to("a.app.example").Get("code"), "client_id", "spa", "redirect_uri", "https://a.app.example/cb", "code_verifier", verifier)
	require.Equal(t, http.StatusOK, w.post("/oauth/token", allowed).StatusCode)
	require.NotEmpty(t, to("a.app.example", "prompt", "none").Get("code"))
	require.Equal(t, "consent_required", to("evil.app.example", "prompt", "none").Get("error"))
}
