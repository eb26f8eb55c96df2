package authz_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"
)

// browser goes from page to page as a person does, with cookies and an Origin, and follows redirects within the server.
type browser struct {
	*world
	jar  http.CookieJar
	page answer // where it is
	// languages are those that its user reads (Accept-Language).
	languages string
}

var asBrowser = header("Accept", "text/html,application/xhtml+xml")

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(w, err)
	return &browser{world: w, jar: jar}
}

// tab is another tab of the same browser.
func (b *browser) tab() *browser { return &browser{world: b.world, jar: b.jar} }

// request sends one request, with the browser's cookies, and keeps those of the answer.
func (b *browser) request(method, target string, form url.Values, options ...option) answer {
	b.Helper()
	at, err := url.Parse(b.url)
	require.NoError(b, err)
	if b.page.Response != nil {
		at = b.page.Request.URL
	}
	to, err := at.Parse(target)
	require.NoError(b, err)
	cookies := b.jar.Cookies(to)
	options = append([]option{asBrowser, header("Accept-Language", b.languages), func(r *http.Request) {
		for _, c := range cookies {
			r.AddCookie(c)
		}
	}}, options...)
	var a answer
	if method == http.MethodPost {
		options = append([]option{header("Origin", b.url)}, options...)
		a = b.do(method, to.String(), "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), options...)
	} else {
		a = b.do(method, to.String(), "", nil, options...)
	}
	b.jar.SetCookies(to, a.Cookies())
	return a
}

// follow goes where answers lead, as long as that is within the server. The last answer is a page, or leads away.
func (b *browser) follow(a answer) answer {
	b.Helper()
	for range 10 {
		location, err := a.Location()
		if err != nil || !strings.HasPrefix(location.String(), b.url+"/") {
			if err != nil {
				b.page = a
			}
			return a
		}
		require.Contains(b, []int{http.StatusFound, http.StatusSeeOther}, a.StatusCode)
		a = b.request(http.MethodGet, location.String(), nil)
	}
	require.Fail(b, "it goes in a circle")
	return a
}

// open goes to an address.
func (b *browser) open(target string) answer {
	b.Helper()
	return b.follow(b.request(http.MethodGet, target, nil))
}

// reload is the Reload button, and Enter in the address bar.
func (b *browser) reload() answer {
	b.Helper()
	return b.open(b.page.Request.URL.String())
}

var (
	forms       = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)".*?</form>`)
	tickedBox   = regexp.MustCompile(`<input type="checkbox" id="[^"]*" name="([^"]*)" value="1" checked>`)
	chosenRadio = regexp.MustCompile(`<input type="radio" id="[^"]*" name="([^"]*)" value="([^"]*)" checked>`)
	textInput   = regexp.MustCompile(`<input(?: class="own")? id="[^"]*" name="([^"]*)" value="([^"]*)" inputmode="numeric"`)
	selectBox   = regexp.MustCompile(`(?s)<select id="[^"]*" name="([^"]*)">.*?<option value="([^"]*)" selected>`)
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// form is the form of the page that has the button, as the browser would send it.
func (b *browser) form(button string) (action string, fields url.Values) {
	b.Helper()
	for _, form := range forms.FindAllStringSubmatch(b.page.text, -1) {
		pressed := regexp.MustCompile(`<button[^>]*id="` + button + `"(?: name="([^"]*)" value="([^"]*)")?`).FindStringSubmatch(form[0])
		if pressed == nil {
			continue
		}
		fields = url.Values{}
		for _, kind := range []*regexp.Regexp{hiddenInput, chosenRadio, textInput, selectBox} {
			for _, field := range kind.FindAllStringSubmatch(form[0], -1) {
				fields.Set(unescape(field[1]), unescape(field[2]))
			}
		}
		for _, box := range tickedBox.FindAllStringSubmatch(form[0], -1) {
			fields.Set(unescape(box[1]), "1")
		}
		if pressed[1] != "" {
			fields.Set(pressed[1], pressed[2])
		}
		return unescape(form[1]), fields
	}
	require.Fail(b, "no button "+button, b.page.text)
	return "", nil
}

// press sends the form that has the button, filled in with pairs.
func (b *browser) press(button string, pairs ...string) answer {
	b.Helper()
	action, fields := b.form(button)
	for i := 0; i < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return b.follow(b.request(http.MethodPost, action, fields))
}

func (b *browser) signIn(login, password string) answer {
	b.Helper()
	return b.press("sign-in", "login", login, "password", password)
}

// signedIn is a browser in which a user is signed in.
func (w *world) signedIn() *browser {
	w.Helper()
	b := w.browser()
	b.open("/account")
	requirePage(w.T, b.signIn("login", "password"), http.StatusOK)
	return b
}

// request is the address to which an application sends its user.
func request(client string, pairs ...string) string {
	return "/oauth/authorize?" + authorization(client, append([]string{"login", "", "password", ""}, pairs...)...).Encode()
}

func (b *browser) cookie(name string) string {
	at, err := url.Parse(b.url)
	require.NoError(b, err)
	for _, c := range b.jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// sent is what a redirect to a client says.
func (b *browser) sent(a answer) url.Values {
	b.Helper()
	require.Contains(b, []int{http.StatusFound, http.StatusSeeOther}, a.StatusCode, a.text)
	location, err := a.Location()
	require.NoError(b, err)
	require.Equal(b, "localhost:8080", location.Host)
	return location.Query()
}

// allowed is for whom the code is good that the application got.
func (b *browser) allowed(a answer, pairs ...string) string {
	b.Helper()
	code := b.sent(a).Get("code")
	require.NotEmpty(b, code, a.Header.Get("Location"))
	token := b.post("/oauth/token", redemption(code, pairs...), basic("app", appSecret))
	require.Equal(b, http.StatusOK, token.StatusCode, token.text)
	return b.claims(token.str("access_token")).Subject
}
