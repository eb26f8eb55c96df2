package clients_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// maxClicks is more than there are between an application's question and its answer.
const maxClicks = 10

// place is where a user has got to.
type place struct {
	URL    string `json:"url"`
	Status int    `json:"status"` // 0: at a redirect URI where nobody listens
	Body   string `json:"body"`
}

// user has a browser of their own, without JavaScript.
type user struct{ browser *http.Client }

func newUser() *user {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // without options it has nothing to fail on
	}
	return &user{&http.Client{Jar: jar, Timeout: patience, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirectURI+"?") || len(via) > maxClicks {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// visit goes to an address, signs in and clicks Allow where it is asked to, and returns where that leads.
func (u *user) visit(address string) (place, error) {
	next, err := http.NewRequest(http.MethodGet, address, http.NoBody)
	for range maxClicks {
		if err != nil {
			return place{}, err
		}
		next.Header.Set("Accept", "text/html")
		var at place
		var form url.Values
		var action string
		if at, form, action, err = u.look(next); err != nil || action == "" {
			return at, err
		}
		if next, err = http.NewRequest(http.MethodPost, action, strings.NewReader(form.Encode())); err == nil {
			next.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	return place{}, errors.New("the pages lead nowhere")
}

// look sends the request, and fills in the form of the page to which it leads, if there is one to be sent.
func (u *user) look(r *http.Request) (at place, form url.Values, action string, err error) {
	response, err := u.browser.Do(r)
	if err != nil {
		return place{}, nil, "", err
	}
	defer response.Body.Close()
	if to, err := response.Location(); err == nil {
		return place{URL: to.String()}, nil, "", nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return place{}, nil, "", err
	}
	at = place{response.Request.URL.String(), response.StatusCode, string(body)}
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		return at, nil, "", nil
	}
	page, err := html.Parse(strings.NewReader(at.Body))
	if err != nil {
		return place{}, nil, "", err
	}
	for n := range page.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		if form, sends := fill(n); sends {
			to, err := response.Request.URL.Parse(attribute(n, "action"))
			return at, form, to.String(), err
		}
	}
	return at, nil, "", nil
}

// fill answers what a form asks for; sends says that it is one that leads on: to sign in, to allow, or an application's own.
func fill(form *html.Node) (values url.Values, sends bool) {
	values = url.Values{}
	for n := range form.Descendants() {
		name, value := attribute(n, "name"), attribute(n, "value")
		switch {
		case n.Data == "button" && attribute(n, "id") == "allow":
			values.Set(name, value)
			sends = true
		case n.Data != "input":
		case name == "login":
			values.Set(name, "demo")
		case name == "password":
			values.Set(name, gatehouse.password)
			sends = true
		case name == "csrfToken": // of Auth.js
			values.Set(name, value)
			sends = true
		case attribute(n, "type") != "checkbox" || has(n, "checked"):
			values.Set(name, value)
		}
	}
	return values, sends
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// allow lets a new user decide about an authorization request, and returns the parameters that the application gets.
func allow(t *testing.T, authorizationURL string) url.Values {
	t.Helper()
	at, err := newUser().visit(authorizationURL)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(at.URL, redirectURI+"?"), "%+v", at)
	to, err := url.Parse(at.URL)
	require.NoError(t, err)
	return to.Query()
}

// serveUser lets programs ask a new user to visit the address that they post.
func serveUser(t *testing.T) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		where, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		at, err := newUser().visit(string(where))
		if err != nil {
			http.Error(w, fmt.Sprintf("visit %s: %v", where, err), http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(at) // who has gone needs no answer
	}))
	t.Cleanup(server.Close)
	return server.URL
}
