package browser_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/browser"
	"gatehouse/authz/internal/endpoint"
	"gatehouse/authz/page"
)

const issuer = "https://gate.example/auth"

func newPages(t *testing.T) *browser.Pages {
	t.Helper()
	pages, err := browser.New(browser.Config{
		Issuer: issuer, TrustedOrigins: []string{"https://app.example"}, Failures: endpoint.Failures{Log: slog.New(slog.DiscardHandler)},
	})
	require.NoError(t, err)
	return pages
}

func asBrowser(method, body string) *http.Request {
	r := httptest.NewRequest(method, "https://gate.example/", strings.NewReader(body))
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// next is the browser's next request, with the cookies that it was given.
func next(after *httptest.ResponseRecorder) *http.Request {
	r := asBrowser(http.MethodGet, "")
	for _, c := range after.Result().Cookies() {
		if c.MaxAge >= 0 {
			r.AddCookie(c)
		}
	}
	return r
}

func TestANoticeIsForTheNextPageAlone(t *testing.T) {
	pages := newPages(t)
	left := browser.Notice{What: "x", About: "a=b&c=ü", Until: time.Unix(1_900_000_000, 0)}
	first := httptest.NewRecorder()
	pages.LeaveNotice(first, left)
	second := httptest.NewRecorder()
	require.Equal(t, left, pages.TakeNotice(second, next(first)))
	require.Zero(t, pages.TakeNotice(httptest.NewRecorder(), next(second)))

	pages.LeaveNotice(first, browser.Notice{What: "x", About: strings.Repeat("a", 5000)})
	require.Less(t, len(first.Header().Values("Set-Cookie")[1]), 4096, "a browser would keep none of it")
	r := asBrowser(http.MethodGet, "")
	r.AddCookie(&http.Cookie{Name: "__Host-gatehouse-notice", Value: "!"})
	require.Zero(t, pages.TakeNotice(httptest.NewRecorder(), r))
}

// A neighbour on another port, or a script on another name, may have set one of them.
func TestACookieThatIsThereTwiceCountsForNothing(t *testing.T) {
	pages := newPages(t)
	for _, c := range []struct {
		values []string
		want   string
	}{{nil, ""}, {[]string{"a"}, "a"}, {[]string{"a", "a"}, "a"}, {[]string{"a", "b"}, ""}} {
		r := asBrowser(http.MethodGet, "")
		for _, value := range c.values {
			r.AddCookie(&http.Cookie{Name: "__Host-" + browser.WayCookie, Value: value})
		}
		require.Equal(t, c.want, pages.Cookies.Get(r, browser.WayCookie))
	}
	r := asBrowser(http.MethodGet, "")
	r.AddCookie(&http.Cookie{Name: browser.WayCookie, Value: "a"})
	require.Empty(t, pages.Cookies.Get(r, browser.WayCookie), "over https every host could have set one without the prefix")
}

func TestAFormOfOurPagesIsFromHereAlone(t *testing.T) {
	pages := newPages(t)
	for origin, want := range map[string][2]bool{ // may it sign a user in; may it be of our pages
		"https://gate.example": {true, true}, "https://app.example": {true, false}, "https://evil.example": {}, "http://gate.example": {}, "null": {},
	} {
		r := asBrowser(http.MethodPost, "a=b")
		r.Header.Set("Origin", origin)
		require.Equal(t, want[0], pages.CheckOrigin(r) == nil, origin)
		form, err := pages.ReadForm(httptest.NewRecorder(), r)
		require.Equal(t, want[1], err == nil, origin)
		if err == nil {
			require.Equal(t, url.Values{"a": {"b"}}, form)
		}
	}
}

func TestAFailureSaysWhatItsErrorWasToldToSay(t *testing.T) {
	pages := newPages(t)
	shown := func(err error) string {
		answer := httptest.NewRecorder()
		pages.Fail(answer, asBrowser(http.MethodGet, ""), err)
		require.Equal(t, http.StatusConflict, answer.Code)
		return answer.Body.String()
	}
	usual := shown(endpoint.Told(endpoint.ErrConflict, "failure.decided"))
	for _, key := range []string{"failure.decided", "failure.heading", "failure.advice"} {
		require.Contains(t, usual, words(key))
	}
	told := endpoint.Told(endpoint.ErrConflict, "failure.decided")
	special := shown(told.Under(page.Say("failure.expired_heading")).Advising(page.Say("failure.expired_advice")))
	for _, key := range []string{"failure.decided", "failure.expired_heading", "failure.expired_advice"} {
		require.Contains(t, special, words(key))
	}
	require.NotContains(t, special, words("failure.advice"))
	require.Equal(t, usual, shown(told), "the error that the others were made of stays what it was")
}

func words(key string) string { return page.English.Text(page.Say(key)) }

func TestOurPagesAreBelowThePathOfTheIssuer(t *testing.T) {
	pages := newPages(t)
	answer := httptest.NewRecorder()
	pages.SeeOther(answer, browser.SignInPath("a b"))
	require.Equal(t, http.StatusSeeOther, answer.Code)
	require.Equal(t, "/auth/account/sign-in?request=a+b", answer.Header().Get("Location"))
	require.Equal(t, "/oauth/authorize/a%2Fb", browser.RequestPath("a/b"))
}
