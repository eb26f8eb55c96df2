package authz_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
)

// hostPage is where the host application's users sign in. It is on another origin, and no test asks it anything: what it would do
// is done by the test.
const hostPage = "https://host.example/login?lang=en"

func newWorldWithHost(t *testing.T) *world {
	return newWorld(t, func(c *authz.Config) { c.LoginURL = hostPage })
}

// leaveForHost presses the button, and returns the state that the host application gets, and pairs beside it.
func (b *browser) leaveForHost(pairs ...string) string {
	b.Helper()
	a := b.press("host-sign-in")
	require.Equal(b, http.StatusSeeOther, a.StatusCode, a.text)
	location, err := a.Location()
	require.NoError(b, err)
	require.Equal(b, "https://host.example/login", location.Scheme+"://"+location.Host+location.Path)
	require.Equal(b, "no-referrer", a.Header.Get("Referrer-Policy"))
	query := location.Query()
	want := form(append([]string{"lang", "en", "return_to", b.url + "/account/sign-in/return", "state", query.Get("state")}, pairs...)...)
	require.Equal(b, want, query)
	require.Len(b, query.Get("state"), 43)
	return query.Get("state")
}

// hostAnswers is the form that the host application's page sends: from another site, so without cookies.
func (b *browser) hostAnswers(state, token string) answer {
	b.Helper()
	form := url.Values{"state": {state}, "token": {token}}
	a := b.do(http.MethodPost, b.url+"/account/sign-in/return", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()),
		asBrowser, header("Origin", "https://host.example"), header("Sec-Fetch-Site", "cross-site"))
	require.Equal(b, http.StatusSeeOther, a.StatusCode, a.text)
	require.Equal(b, "/account/sign-in/return", a.Header.Get("Location"), "nothing is in the address")
	at, err := url.Parse(b.url)
	require.NoError(b, err)
	b.jar.SetCookies(at, a.Cookies())
	return b.follow(a)
}

func (w *world) userToken(id int) string {
	return w.userJWT(map[string]any{"id": id, "exp": w.clock.Now().Add(time.Minute).Unix()})
}

func TestAUserSignsInAtTheHostApplication(t *testing.T) {
	w := newWorldWithHost(t)
	b := w.browser()
	requirePage(t, b.open(request("app", "state", "xyz")), http.StatusOK)
	require.Contains(t, b.page.text, "Sign in at host.example")
	page := b.hostAnswers(b.leaveForHost(), w.userToken(77))
	requirePage(t, page, http.StatusOK)
	require.Contains(t, page.text, "An App asks for access")
	require.Contains(t, page.text, "<strong>user 77</strong>")
	require.Regexp(t, `^/oauth/authorize/[A-Z0-9]+$`, page.Request.URL.RequestURI())
	a := b.press("allow")
	require.Equal(t, "xyz", b.sent(a).Get("state"))
	require.Equal(t, "77", b.allowed(a))
	require.Contains(t, b.open("/account/sign-in/return").text, "Your account", "going back there does no harm")

	other := w.browser()
	other.open("/account")
	require.Contains(t, other.hostAnswers(other.leaveForHost(), w.userToken(78)).text, "<strong>user 78</strong>", "without an application")
}

// The host application may have a session of its own, and would send its user back without a question.
func TestTheHostApplicationIsToldHowFreshASignInHasToBe(t *testing.T) {
	w := newWorldWithHost(t)
	token := func(pairs ...any) string {
		claims := map[string]any{"id": 77, "exp": w.clock.Now().Add(time.Hour).Unix()}
		for i := 0; i < len(pairs); i += 2 {
			claims[pairs[i].(string)] = w.clock.Now().Add(pairs[i+1].(time.Duration)).Unix()
		}
		return w.userJWT(claims)
	}
	const old, recent = -10 * time.Minute, -30 * time.Second
	for _, c := range []struct {
		asked, passedOn []string
		token           string
		isGood          bool
	}{
		{[]string{"prompt", "login"}, []string{"prompt", "login"}, token("iat", old), false},
		{[]string{"prompt", "login"}, []string{"prompt", "login"}, token("iat", recent), true},
		{[]string{"prompt", "login"}, []string{"prompt", "login"}, token("iat", recent, "auth_time", old), false},
		{[]string{"prompt", "login"}, []string{"prompt", "login"}, token("iat", recent, "auth_time", recent), true},
		{[]string{"prompt", "login"}, []string{"prompt", "login"}, token(), true},
		{[]string{"max_age", "900"}, []string{"max_age", "900"}, token("iat", recent, "auth_time", old), true},
		{[]string{"max_age", "300"}, []string{"max_age", "300"}, token("iat", recent, "auth_time", old), false},
		{[]string{"max_age", "900"}, []string{"max_age", "900"}, token("iat", old, "auth_time", old), false},
		{[]string{"max_age", "0"}, []string{"max_age", "0"}, token("iat", recent, "auth_time", old), false},
		{nil, nil, token("iat", old, "auth_time", old), true},
		{[]string{"prompt", "consent"}, nil, token("iat", old), true},
		{[]string{"ui_locales", "fr-CH en"}, []string{"ui_locales", "fr-CH en"}, token("iat", old), true},
	} {
		b := w.browser()
		b.open(request("app", c.asked...))
		page := b.hostAnswers(b.leaveForHost(c.passedOn...), c.token)
		requirePage(t, page, http.StatusOK)
		if c.isGood {
			require.Contains(t, page.text, "<strong>user 77</strong>", "%v %s", c.asked, c.token)
			continue
		}
		require.Contains(t, page.text, "You were not signed in.", "%v %s", c.asked, c.token)
		require.Empty(t, b.cookie("gatehouse"))
	}
}

func TestTheOnlyWayOfSigningInIsOffered(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*authz.Config)
		shown  []string
		hidden []string
	}{
		"passwords":        {func(*authz.Config) {}, []string{`id="password"`}, []string{`id="host-sign-in"`, "configured"}},
		"host application": {func(c *authz.Config) { c.LoginURL, c.NoPasswords = hostPage, true }, []string{`id="host-sign-in"`}, []string{`id="password"`, "configured"}},
		"both":             {func(c *authz.Config) { c.LoginURL = hostPage }, []string{`id="password"`, `id="host-sign-in"`}, []string{"configured"}},
		"neither":          {func(c *authz.Config) { c.NoPasswords = true }, []string{"No way of signing in is configured"}, []string{`id="password"`, `id="host-sign-in"`}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newWorld(t, test.change).browser()
			requirePage(t, b.open(request("app")), http.StatusOK)
			for _, text := range test.shown {
				require.Contains(t, b.page.text, text)
			}
			for _, text := range test.hidden {
				require.NotContains(t, b.page.text, text)
			}
		})
	}
	w := newWorld(t)
	b := w.browser()
	b.open("/account")
	_, form := b.form("sign-in")
	requirePage(t, b.request(http.MethodPost, "/account/sign-in/host", form), http.StatusNotFound)
}

func TestABadAnswerOfTheHostApplicationSignsNobodyIn(t *testing.T) {
	w := newWorldWithHost(t)
	expired := w.userJWT(map[string]any{"id": 1, "exp": w.clock.Now().Add(-time.Minute).Unix()})
	for name, token := range map[string]string{"none": "", "garbage": "garbage", "expired": expired, "of an application": w.userJWT(map[string]any{
		"id": 1, "exp": w.clock.Now().Add(time.Minute).Unix(), "clientId": "app",
	})} {
		b := w.browser()
		b.open(request("app"))
		state := b.leaveForHost()
		page := b.hostAnswers(state, token)
		requirePage(t, page, http.StatusOK)
		require.Contains(t, page.text, "You were not signed in.", name)
		require.Contains(t, page.text, "Sign in to go on to An App", "the request goes on")
		require.Empty(t, b.cookie("gatehouse"))
		require.Contains(t, b.hostAnswers(state, w.userToken(77)).text, "<strong>user 77</strong>", "a good answer may follow a bad one")
	}
	b := w.browser()
	b.open(request("app"))
	state := b.leaveForHost()
	a := w.post("/account/sign-in/return?token="+w.userToken(1), form("state", state), asBrowser)
	requirePage(t, a, http.StatusUnauthorized)
	require.Contains(t, a.text, "must not be sent in the query")
	w.clock.Advance(10 * time.Minute)
	b.hostAnswers(state, w.userToken(1))
	require.Empty(t, b.cookie("gatehouse"), "it took too long")
}

// Whoever begins a sign-in, and gets somebody else to finish it at the host application, would be that user. Whoever finishes one
// as themselves, and gets somebody else's browser to bring the answer, would have that user work in a strange account.
func TestTheHostApplicationsAnswerIsGoodInOneBrowser(t *testing.T) {
	w := newWorldWithHost(t)
	attacker, victim := w.browser(), w.browser()
	attacker.open(request("app"))
	victim.open(request("app"))

	state := attacker.leaveForHost()
	page := victim.hostAnswers(state, w.userToken(1)) // who followed a link to the host application with the attacker's state
	require.Contains(t, page.text, "You were not signed in.")
	require.Empty(t, victim.cookie("gatehouse"))
	attacker.open("/account/sign-in/return")
	require.Empty(t, attacker.cookie("gatehouse"), "who begins is not who is signed in at the host application")
	at, err := url.Parse(w.url)
	require.NoError(t, err)
	for _, made := range []string{state + "." + state, state + "."} { // the attacker knows the state, and has what browsers that brought an answer have
		attacker.jar.SetCookies(at, []*http.Cookie{{Name: "gatehouse-answer", Value: made}})
		attacker.open("/account/sign-in/return")
		require.Empty(t, attacker.cookie("gatehouse"))
	}
	require.Contains(t, attacker.open("/account").text, `id="sign-in"`)
	require.Contains(t, attacker.hostAnswers(state, w.userToken(666)).text, "You were not signed in.", "a state is answered once")

	own := attacker.leaveForHost()
	page = victim.hostAnswers(own, w.userToken(666)) // a form on the attacker's page
	require.Contains(t, page.text, "You were not signed in.")
	require.Empty(t, victim.cookie("gatehouse"))
}

func TestAnAnswerOfTheHostApplicationIsGoodOnce(t *testing.T) {
	w := newWorldWithHost(t)
	b := w.browser()
	b.open("/account")
	state := b.leaveForHost()
	at, err := url.Parse(w.url)
	require.NoError(t, err)
	// It stops before the GET that would finish.
	form := url.Values{"state": {state}, "token": {w.userToken(77)}}
	a := w.post("/account/sign-in/return", form, asBrowser)
	require.Len(t, a.Cookies(), 1)
	b.jar.SetCookies(at, a.Cookies())
	replayed := w.post("/account/sign-in/return", form, asBrowser)
	require.Equal(t, http.StatusSeeOther, replayed.StatusCode)
	require.NotContains(t, replayed.Header.Get("Set-Cookie"), "gatehouse-answer")

	require.Contains(t, b.open("/account/sign-in/return").text, "<strong>user 77</strong>")
	b.press("sign-out")
	b.jar.SetCookies(at, a.Cookies())
	b.open("/account/sign-in/return")
	require.Empty(t, b.cookie("gatehouse"), "the answer was used")
}

// The host application is told where to return to by us alone, and a user who has signed in goes on to a page of ours alone.
func TestNobodyIsLedElsewhereAfterSigningIn(t *testing.T) {
	w := newWorldWithHost(t)
	for _, elsewhere := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", "/../x", "..", "x\r\nLocation: https://evil.example"} {
		escaped := url.QueryEscape(elsewhere)
		b := w.browser()
		b.open("/account/sign-in?return_to=" + escaped + "&next=" + escaped + "&redirect_uri=" + escaped)
		state := b.leaveForHost()
		require.Contains(t, b.hostAnswers(state, w.userToken(1)).text, "Your account")
		require.Equal(t, w.url+"/account/applications", b.page.Request.URL.String())

		b = w.browser()
		requirePage(t, b.open("/account/sign-in?request="+escaped), http.StatusNotFound)
		b.open("/account/sign-in")
		requirePage(t, b.press("sign-in", "login", "login", "password", "password", "request", elsewhere), http.StatusNotFound)
		require.Empty(t, b.page.Header.Get("Location"))
		require.Empty(t, b.cookie("gatehouse"))
	}
}

func TestALoginPageThatCannotBeIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, bad := range []string{"/login", "host.example", "javascript:alert(1)", "ftp://host.example", "https://user@host.example", "https://host.example/#x", "https://"} {
		config := w.config
		config.LoginURL = bad
		require.Error(t, second(authz.New(config)), bad)
	}
}

// Anybody can make up a browser: what is kept of its sign-ins is bounded.
func TestSignInsThatAreBegunAreFew(t *testing.T) {
	w := newWorldWithHost(t)
	b := w.browser()
	b.open("/account")
	_, fields := b.form("host-sign-in")
	begin := func() answer { return b.request(http.MethodPost, "/account/sign-in/host", fields) }
	fields.Set("request", strings.Repeat("A", 10_000))
	requirePage(t, begin(), http.StatusNotFound)
	fields.Del("request")
	for range 599 {
		require.Equal(t, http.StatusSeeOther, begin().StatusCode)
	}
	require.Equal(t, http.StatusTooManyRequests, begin().StatusCode)
	w.clock.Advance(time.Second)
	require.Equal(t, http.StatusSeeOther, begin().StatusCode)
}
