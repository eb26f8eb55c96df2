package app_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A user who is signed in may ask the gateway with the same browser: its cookies are for the authorization server alone.
func TestWhoIsSignedInDoesNotGiveTheSessionToUpstreams(t *testing.T) {
	cfg := testConfig(echoUpstream(t))
	cfg.Users.LoginURL = "https://host.example/login"
	r := start(t, cfg)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	at, err := url.Parse(r.public)
	require.NoError(t, err)
	visit := func(method, path string, form url.Values) answer {
		header := http.Header{"Accept": {"text/html"}, "Cookie": nil}
		var cookies []string
		for _, c := range jar.Cookies(at) {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
		header.Set("Cookie", strings.Join(cookies, "; "))
		if method == http.MethodPost {
			header.Set("Content-Type", "application/x-www-form-urlencoded")
			header.Set("Origin", cfg.Issuer)
		}
		a := r.do(method, r.public+path, strings.NewReader(form.Encode()), header)
		jar.SetCookies(at, (&http.Response{Header: a.header}).Cookies())
		return a
	}
	page := visit(http.MethodGet, "/account/sign-in", nil)
	require.Equal(t, http.StatusOK, page.status, page.body)
	token := regexp.MustCompile(`name="form_token" value="([^"]+)"`).FindStringSubmatch(page.body)
	there := visit(http.MethodPost, "/account/sign-in/host", url.Values{"form_token": {token[1]}})
	location, err := url.Parse(there.header.Get("Location"))
	require.NoError(t, err)
	proof := strings.TrimPrefix(bearer(userJWT(t, 7)).Get("Authorization"), "Bearer ")
	visit(http.MethodPost, "/account/sign-in/return", url.Values{"state": {location.Query().Get("state")}, "token": {proof}})
	visit(http.MethodGet, "/account/sign-in/return", nil)
	require.Contains(t, visit(http.MethodGet, "/account/applications", nil).body, "<strong>user 7</strong>")

	header := bearer(r.consent(r.register(), 7, "balance:read").access)
	header.Set("Cookie", "theirs=1; gatehouse="+cookieNamed(jar.Cookies(at), "gatehouse"))
	seen := r.do(http.MethodGet, r.public+"/balance", nil, header)
	require.Equal(t, http.StatusOK, seen.status, seen.body)
	require.Equal(t, []any{"theirs=1"}, seen.json(t)["header"].(map[string]any)["Cookie"])
}

func cookieNamed(cookies []*http.Cookie, name string) string {
	for _, c := range cookies {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
