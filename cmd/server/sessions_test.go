package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// person is a browser at a server that sends its users to the host application.
type person struct {
	served
	browser *http.Client
}

func (r served) person() person {
	r.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(r, err)
	return person{r, &http.Client{Jar: jar, Timeout: patience, CheckRedirect: func(to *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(to.URL.String(), r.public) {
			return nil
		}
		return http.ErrUseLastResponse // to the host application
	}}}
}

func (p person) at(method, path string, form url.Values) (answer *http.Response, page string) {
	p.Helper()
	request, err := http.NewRequestWithContext(p.Context(), method, p.public+path, strings.NewReader(form.Encode()))
	require.NoError(p, err)
	request.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", "http://localhost:8081") // the issuer's
	}
	answer, err = p.browser.Do(request)
	require.NoError(p, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(p, err)
	require.NoError(p, answer.Body.Close())
	return answer, string(body)
}

var formToken = regexp.MustCompile(`name="form_token" value="([^"]+)"`)

// signIn goes to the host application and comes back as a user.
func (p person) signIn(user int64) {
	p.Helper()
	_, page := p.at(http.MethodGet, "/account", nil)
	there, _ := p.at(http.MethodPost, "/account/sign-in/host", url.Values{"form_token": {formToken.FindStringSubmatch(page)[1]}})
	location, err := there.Location()
	require.NoError(p, err)
	_, page = p.at(http.MethodPost, "/account/sign-in/return", url.Values{
		"state": {location.Query().Get("state")}, "token": {userToken(p, user)},
	})
	require.Contains(p, page, "You are signed in as")
}

func (p person) isSignedIn() bool {
	p.Helper()
	_, page := p.at(http.MethodGet, "/account/applications", nil)
	return strings.Contains(page, "You are signed in as")
}

func TestAnOperatorSignsAUserOutOfEveryBrowser(t *testing.T) {
	onEach(t, func(t *testing.T, s site) {
		s = s.with("GATEHOUSE_USERS_LOGIN_URL", "http://localhost:1/login")
		r := s.serve()
		first, second, other := r.person(), r.person(), r.person()
		first.signIn(1)
		second.signIn(1)
		other.signIn(2)
		require.Equal(t, map[string]any{"sessions_of": "1", "sessions": 2.0, "delivered": true, "unconfirmed_gateways": 0.0},
			s.object("revoke", "--sessions-of", "1", "--yes"))
		require.False(t, first.isSignedIn())
		require.False(t, second.isSignedIn())
		require.True(t, other.isSignedIn())
		require.Equal(t, "0 sessions of user 1 ended\n", s.ok("revoke", "--sessions-of", "1", "--yes"))
		require.Equal(t, "0 grants of user 2 ended, and 1 sessions\n", s.ok("revoke", "--user", "2", "--yes"))
		require.False(t, other.isSignedIn())
		require.Contains(t, s.ok("audit", "list"), "sessions.end")
	})
}
