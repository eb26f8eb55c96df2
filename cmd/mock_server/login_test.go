package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	aForm  = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)".*?</form>`)
	aField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// Both ways of signing in, by what a person would click, without JavaScript.
func TestSignsInAtTheHostApplicationAndWithAPassword(t *testing.T) {
	m := startMock(t)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, Timeout: startTimeout}
	var at *url.URL
	var page string
	visit := func(method, target string, form url.Values) {
		r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		r.Header.Set("Accept", "text/html")
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", at.Scheme+"://"+at.Host)
		}
		response, err := browser.Do(r)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
		at, page = response.Request.URL, string(body)
	}
	submit := func(which string, pairs ...string) {
		for _, form := range aForm.FindAllStringSubmatch(page, -1) {
			if !strings.Contains(form[0], which) {
				continue
			}
			fields := url.Values{}
			for _, field := range aField.FindAllStringSubmatch(form[0], -1) {
				fields.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
			}
			for i := 0; i < len(pairs); i += 2 {
				fields.Set(pairs[i], pairs[i+1])
			}
			to, err := at.Parse(html.UnescapeString(form[1]))
			require.NoError(t, err)
			visit(http.MethodPost, to.String(), fields)
			return
		}
		require.Fail(t, "no form with "+which, page)
	}

	visit(http.MethodGet, m.Issuer+"/account", nil)
	submit("host-sign-in")
	require.Contains(t, page, "Demo host application")
	submit("User 12345")
	require.Contains(t, page, "You are signed in as <strong>user 12345</strong>")
	submit("sign-out")
	submit(`id="password"`, "login", "login", "password", "password")
	require.Contains(t, page, "You are signed in as <strong>login</strong>")

	elsewhere, err := http.Get(m.Wallet + "/login?state=x&return_to=https://evil.example")
	require.NoError(t, err)
	require.NoError(t, elsewhere.Body.Close())
	require.Equal(t, http.StatusBadRequest, elsewhere.StatusCode)
}
