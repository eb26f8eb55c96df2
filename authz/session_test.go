package authz_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/user"
)

func TestASessionIsACookieThatNoScriptAndNoOtherSiteCanUse(t *testing.T) {
	for issuer, prefix := range map[string]string{"https://auth.example": "__Host-", "http://localhost:8081": ""} {
		w := newWorld(t, func(c *authz.Config) { c.Issuer = issuer })
		get := httptest.NewRequest(http.MethodGet, "/account/sign-in", nil)
		got := httptest.NewRecorder()
		w.server.Public().ServeHTTP(got, get)
		require.Len(t, got.Result().Cookies(), 1)
		known := got.Result().Cookies()[0]
		require.Equal(t, prefix+"gatehouse-browser", known.Name)

		token := hiddenInput.FindStringSubmatch(got.Body.String())[2]
		post := httptest.NewRequest(http.MethodPost, "/account/sign-in", strings.NewReader(
			form("login", "login", "password", "password", "form_token", token).Encode()))
		post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		post.Header.Set("Origin", issuer)
		post.AddCookie(known)
		signedIn := httptest.NewRecorder()
		w.server.Public().ServeHTTP(signedIn, post)
		require.Equal(t, http.StatusSeeOther, signedIn.Code, signedIn.Body.String())
		for _, c := range append(signedIn.Result().Cookies(), known) {
			require.True(t, strings.HasPrefix(c.Name, prefix+"gatehouse"), c.Name)
			require.True(t, c.HttpOnly, c.Name)
			require.Equal(t, http.SameSiteLaxMode, c.SameSite)
			require.Equal(t, prefix != "", c.Secure)
			require.Equal(t, "/", c.Path)
			require.Empty(t, c.Domain)
		}
		session := signedIn.Result().Cookies()[0]
		require.Equal(t, prefix+"gatehouse", session.Name)
		require.Len(t, session.Value, 43, "256 bits")
		require.Equal(t, 720*60*60, session.MaxAge)
	}
}

func TestASessionEnds(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.SessionIdle, c.SessionAbsolute = time.Hour, 4*time.Hour })
	idle, used := w.signedIn(), w.signedIn()
	isSignedIn := func(b *browser) bool { return strings.Contains(b.open("/account").text, "You are signed in as") }
	for range 4 {
		w.clock.Advance(59 * time.Minute)
		require.True(t, isSignedIn(used))
	}
	require.False(t, isSignedIn(idle))
	w.clock.Advance(3*time.Minute + 59*time.Second)
	require.True(t, isSignedIn(used))
	w.clock.Advance(time.Second)
	require.False(t, isSignedIn(used), "in any case")
}

// A session is not written down at every request.
func TestUsingASessionRarelyWrites(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) { c.SessionIdle = 100 * time.Minute })
	b := w.signedIn()
	idleUntil := func() time.Time {
		found, err := w.registry.Session(t.Context(), user.HashSession(b.cookie("gatehouse")))
		require.NoError(t, err)
		return found.IdleUntil
	}
	before := idleUntil()
	w.clock.Advance(10*time.Minute - time.Second)
	b.open("/account")
	require.Equal(t, before, idleUntil())
	w.clock.Advance(time.Second)
	b.open("/account")
	require.Equal(t, before.Add(10*time.Minute), idleUntil())
}

func TestSigningOutEndsTheSessionWhoeverHasTheCookie(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	thief := w.browser()
	steal := func() {
		at, err := url.Parse(w.url)
		require.NoError(t, err)
		thief.jar.SetCookies(at, []*http.Cookie{{Name: "gatehouse", Value: b.cookie("gatehouse")}})
	}
	steal()
	require.Contains(t, thief.open("/account").text, "You are signed in as")
	requirePage(t, b.press("sign-out"), http.StatusOK)
	require.Contains(t, b.page.text, `id="sign-in"`)
	require.Empty(t, b.cookie("gatehouse"))
	require.Contains(t, thief.open("/account").text, `id="sign-in"`)
	require.Contains(t, thief.open(request("app")).text, `id="sign-in"`)
	require.Contains(t, b.open("/account").text, `id="sign-in"`)

	b.signIn("login", "password")
	elsewhere := w.signedIn()
	steal()
	b.press("sign-out-everywhere")
	for name, other := range map[string]*browser{"here": b, "elsewhere": elsewhere, "thief": thief} {
		require.Contains(t, other.open("/account").text, `id="sign-in"`, name)
	}
}

// Whoever could give a browser a session before its user signs in would be signed in with the user.
func TestSigningInTakesAValueThatNobodyKnew(t *testing.T) {
	w := newWorld(t)
	attacker := w.signedIn()
	planted := attacker.cookie("gatehouse")
	at, err := url.Parse(w.url)
	require.NoError(t, err)
	for name, value := range map[string]string{"made up": strings.Repeat("A", 43), "a session of the attacker's": planted} {
		victim := w.browser()
		victim.jar.SetCookies(at, []*http.Cookie{{Name: "gatehouse", Value: value}})
		victim.open(request("app", "prompt", "login"))
		requirePage(t, victim.signIn("login", "password"), http.StatusOK)
		require.NotEqual(t, value, victim.cookie("gatehouse"), name)
		require.NotEmpty(t, victim.cookie("gatehouse"))
		mine := w.browser()
		mine.jar.SetCookies(at, []*http.Cookie{{Name: "gatehouse", Value: value}})
		require.Contains(t, mine.open("/account").text, `id="sign-in"`, "%s: what was planted is worth nothing now", name)
	}
	two := w.get("/account/applications", asBrowser, header("Cookie", "gatehouse="+w.signedIn().cookie("gatehouse")), header("Cookie", "gatehouse=x"))
	require.Equal(t, http.StatusSeeOther, two.StatusCode, "a neighbour has set another one: neither is believed")
}

func TestAnotherBrowsersRequestCannotBeFinished(t *testing.T) {
	w := newWorld(t)
	mine, theirs := w.browser(), w.signedIn()
	requirePage(t, mine.open(request("app")), http.StatusOK)
	asked := "/oauth/authorize/" + mine.page.Request.URL.Query().Get("request")
	signInPage := mine.page.Request.URL.String()

	for name, other := range map[string]*browser{"signed in": theirs, "new": w.browser()} {
		requirePage(t, other.open(asked), http.StatusForbidden)
		require.NotContains(t, other.page.text, "An App", name)
		require.NotContains(t, other.page.text, "<form")
		requirePage(t, other.open(signInPage), http.StatusForbidden)
		a := other.request(http.MethodPost, asked, form("decision", "deny"))
		requirePage(t, a, http.StatusForbidden)
	}
	theirs.open("/account")
	_, ofTheirPage := theirs.form("sign-out")
	ofTheirPage.Set("decision", "allow")
	requirePage(t, theirs.request(http.MethodPost, asked, ofTheirPage), http.StatusForbidden)
	require.Contains(t, theirs.page.text, "You are signed in", "nothing became of it")

	third := w.browser()
	third.open("/account")
	requirePage(t, third.press("sign-in", "login", "login", "password", "password", "request", strings.TrimPrefix(asked, "/oauth/authorize/")), http.StatusForbidden)
	require.Contains(t, third.page.text, "This was begun in another browser")
	require.Empty(t, third.cookie("gatehouse"))

	// Nor with a form of their own request.
	theirs.open(request("app"))
	_, ofTheirRequest := theirs.form("allow")
	requirePage(t, theirs.request(http.MethodPost, asked, ofTheirRequest), http.StatusForbidden)

	require.Contains(t, mine.signIn("login", "password").text, "An App asks for access")
	require.Equal(t, subject, mine.allowed(mine.press("allow")))
}

func TestAFormWithoutItsTokenDoesNothing(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.open(request("app"))
	requirePage(t, b.press("sign-in", "login", "login", "password", "password", "form_token", "x"), http.StatusOK)
	require.Contains(t, b.page.text, "The page was too old. Try again.")
	require.Empty(t, b.cookie("gatehouse"))
	requirePage(t, b.press("cancel", "form_token", "x"), http.StatusOK)
	require.Contains(t, b.page.text, `id="sign-in"`)
	b.signIn("login", "password")
	_, signIn := b.form("allow")
	for _, token := range []string{"", "x", signIn.Get("form_token")[1:]} {
		require.Contains(t, b.press("allow", "form_token", token).text, "An App asks for access")
		require.Contains(t, b.press("deny", "form_token", token).text, "An App asks for access")
		require.Contains(t, b.press("not-you", "form_token", token).text, "An App asks for access", "nobody else signs the user out")
	}
	require.Equal(t, subject, b.allowed(b.press("allow")))
}

// Login CSRF, and every other form, from a second origin. Old browsers send no Origin; then the cookie, which is not sent along, and the
// token in the form tell.
func TestNoFormOfAnotherOriginIsTaken(t *testing.T) {
	w := newWorldWithHost(t)
	b := w.browser()
	b.open(request("app"))
	for action, fields := range map[string]url.Values{
		"/account/sign-in":      form("login", "login", "password", "password"),
		"/account/sign-in/host": form("x", "y"),
		"/account/sign-out":     form("everywhere", "1"),
		"/oauth/authorize/" + b.page.Request.URL.Query().Get("request"): form("decision", "deny"),
	} {
		_, ours := b.form("sign-in")
		fields.Set("form_token", ours.Get("form_token")) // even if it had leaked
		for name, options := range map[string][]option{
			"a newer browser":              {header("Sec-Fetch-Site", "cross-site")},
			"a subdomain":                  {header("Sec-Fetch-Site", "same-site")},
			"an older browser":             {header("Origin", "https://evil.example")},
			"a page that hides its origin": {header("Origin", "null")},
			"a name that leads here":       {header("Origin", "http://evil.example"), header("Sec-Fetch-Site", "same-origin"), elsewhere("evil.example")},
			"the same, without an origin":  {elsewhere("evil.example")},
		} {
			a := w.post(action, fields, append(options, asBrowser, header("Cookie", "gatehouse-browser="+b.cookie("gatehouse-browser")))...)
			requirePage(t, a, http.StatusForbidden)
			require.Contains(t, a.text, w.url, "%s: the page is there", name)
			require.Empty(t, a.Cookies())
			w.requireError(w.post(action, fields, options...), http.StatusForbidden, "access_denied")
		}
		a := w.post(action, fields, asBrowser) // a very old browser
		require.NotContains(t, a.Header.Get("Location"), "localhost:8080", "%s %s", action, a.text)
		for _, c := range a.Cookies() {
			require.True(t, c.Name != "gatehouse" || c.Value == "", c)
		}
	}
	for name, options := range map[string][]option{
		"our page in a newer browser":      {header("Sec-Fetch-Site", "same-origin"), header("Origin", w.url)},
		"our page in an older browser":     {header("Origin", w.url)},
		"our page in a very old browser":   nil,
		"our page behind another Host":     {header("Origin", w.url), elsewhere("authz.internal")},
		"our page, sent again by the user": {header("Sec-Fetch-Site", "none")},
	} {
		b := w.browser()
		b.open("/account")
		_, fields := b.form("sign-in")
		fields.Set("login", "login")
		fields.Set("password", "password")
		a := w.post("/account/sign-in", fields, append(options, asBrowser, header("Cookie", "gatehouse-browser="+b.cookie("gatehouse-browser")))...)
		require.Equal(t, "/account/applications", a.Header.Get("Location"), name)
	}
}

// Two tabs, one of which signs in as somebody else.
func TestWhoDecidesIsWhoThePageShowed(t *testing.T) {
	w := newWorldWithHost(t)
	b := w.browser()
	b.open(request("app"))
	other := b.tab()
	other.open(request("app", "state", "other"))
	b.signIn("login", "password")
	other.reload()
	require.Contains(t, other.page.text, "signed in as <strong>login</strong>", "signing in counts for all tabs")

	other.press("not-you")
	require.Contains(t, other.page.text, "Sign in to go on to An App", "back to the same request")
	other.hostAnswers(other.leaveForHost(), w.userToken(77))
	require.Contains(t, other.page.text, "<strong>user 77</strong>")
	require.Contains(t, b.press("allow").text, "<strong>user 77</strong>", "the form was of another user's page: it is shown anew")
	require.Equal(t, "77", b.allowed(b.press("allow")))
	require.Equal(t, "other", other.sent(other.press("allow")).Get("state"))
}

func TestADoubleClickGivesOneGrantAndAGoodCode(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	b.open(request("app"))
	first, second := b.sent(b.press("allow")).Get("code"), b.sent(b.press("allow")).Get("code")
	require.NotEqual(t, first, second)
	w.requireError(w.redeem(first), http.StatusBadRequest, "invalid_grant")
	tokens := w.redeem(second)
	require.Equal(t, http.StatusOK, tokens.StatusCode, tokens.text)
	_, deny := b.form("deny")
	requirePage(t, b.press("allow"), http.StatusGone)
	requirePage(t, b.request(http.MethodPost, b.page.Request.URL.String(), deny), http.StatusGone)
	require.NoError(t, w.denied(tokens.str("access_token")), "the grant goes on")
	require.Equal(t, 1, w.log.Count(`"msg":"grant made"`))
}

func TestARequestThatTookTooLong(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	b.open(request("app"))
	w.clock.Advance(10 * time.Minute)
	requirePage(t, b.press("allow"), http.StatusGone)
	requirePage(t, b.reload(), http.StatusGone)
	require.Contains(t, b.page.text, "<h1>Too late</h1>")
	require.Contains(t, b.page.text, "This took longer than 10 minutes. Nothing was allowed.")
	requirePage(t, b.open("/oauth/authorize/NOTHING"), http.StatusNotFound)
	w.requireError(w.get("/oauth/authorize/NOTHING"), http.StatusNotFound, "not_found")
	requirePage(t, b.open("/oauth/authorize/%00"), http.StatusNotFound)
}

// Two tabs at a first visit: the server has answered neither when the other asks, and the browser keeps the cookie of one.
func TestTheTabThatTheBrowserForgotIsToldWhatToDo(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	at, err := url.Parse(w.url)
	require.NoError(t, err)
	var tabs []string
	for range 2 {
		begun := w.get(request("app"), asBrowser)
		b.jar.SetCookies(at, begun.Cookies())
		tabs = append(tabs, begun.Header.Get("Location"))
	}
	requirePage(t, b.open(tabs[0]), http.StatusForbidden)
	require.Contains(t, b.page.text, "or in a tab that this browser has forgotten")
	require.Contains(t, b.page.text, "<p>Go back to the application and begin anew.</p>")
	requirePage(t, b.open(tabs[1]), http.StatusOK)
	require.Contains(t, b.page.text, `id="sign-in"`)
}

func TestABrowserWithoutCookiesIsToldSo(t *testing.T) {
	w := newWorld(t)
	begun := w.get(request("app"), asBrowser)
	require.Equal(t, http.StatusSeeOther, begun.StatusCode)
	page := w.get(begun.Header.Get("Location"), asBrowser)
	requirePage(t, page, http.StatusForbidden)
	require.Contains(t, page.text, "cookies")
	require.Contains(t, page.text, "begin anew")
}

func TestAClientThatChangedMeanwhile(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn()
	b.open(request("app"))
	require.NoError(t, w.registry.DisableClient(t.Context(), "app", w.clock.Now().Add(time.Hour)))
	requirePage(t, b.press("allow"), http.StatusBadRequest)
	requirePage(t, b.reload(), http.StatusBadRequest)
	require.NotContains(t, b.page.text, "<form")
}

func TestOneAddressCannotFillTheDatabase(t *testing.T) {
	w := newWorld(t)
	refused := 0
	for range 700 {
		a := w.get(request("app"), asBrowser)
		if a.StatusCode == http.StatusTooManyRequests {
			require.NotEmpty(t, a.Header.Get("Retry-After"))
			refused++
			continue
		}
		require.Equal(t, http.StatusSeeOther, a.StatusCode)
	}
	require.Equal(t, 100, refused)
	w.clock.Advance(time.Second)
	require.Equal(t, http.StatusSeeOther, w.get(request("app"), asBrowser).StatusCode)
	long := w.get(request("app", "state", strings.Repeat("x", 16<<10)), asBrowser)
	require.Contains(t, long.Header.Get("Location"), "error=invalid_request")
}

// Each of five hundred people, at the same time, is who they say, and nobody else.
func TestManySignInAtOnce(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) {
		c.Users = nil
		for i := range 500 {
			name := fmt.Sprint("user", i)
			c.Users = append(c.Users, onlyLogin{user.Static{Login: name, Password: "password", Subject: fmt.Sprint(1000 + i)}})
		}
	})
	people := make([]*browser, 500)
	inParallel(4, len(people), func(i int) {
		people[i] = w.browser()
		people[i].open(request("app", "state", fmt.Sprint("user", i)))
	})
	inParallel(500, len(people), func(i int) {
		b := people[i]
		begin := b.page.Request.URL.String()
		for !strings.Contains(b.page.text, "You are signed in as") { // again where they are too many for this machine: 503
			if strings.Contains(b.page.text, `id="sign-in"`) {
				b.signIn(fmt.Sprint("user", i), "password")
			} else {
				b.open(begin)
			}
		}
	})
	inParallel(4, len(people), func(i int) {
		b, name := people[i], fmt.Sprint("user", i)
		if !assert.Contains(t, b.page.text, "You are signed in as <strong>"+name+"</strong>") {
			return
		}
		sent := b.sent(b.press("allow"))
		assert.Equal(t, name, sent.Get("state"))
		assert.Equal(t, fmt.Sprint(1000+i), w.claims(w.redeem(sent.Get("code")).str("access_token")).Subject)
	})
}

// inParallel makes n calls, at most most at a time.
func inParallel(most, n int, call func(int)) {
	var all sync.WaitGroup
	places := make(chan struct{}, most)
	for i := range n {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			call(i)
		})
	}
	all.Wait()
}

// onlyLogin leaves every other login to the next.
type onlyLogin struct{ user.Static }

func (u onlyLogin) Authenticate(ctx context.Context, proof user.Proof) (string, error) {
	if proof.Login != u.Login {
		return "", user.ErrNotApplicable
	}
	return u.Static.Authenticate(ctx, proof)
}
