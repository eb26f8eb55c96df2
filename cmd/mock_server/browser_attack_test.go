package main

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gatehouse/cmd/demoapp/browsertest"
)

// evilSite is somebody else's, and shows what it is told to. sibling is the same under the server's own name, at another port: to the
// browser the same site, so that cookies go along with its forms.
type evilSite struct {
	shown           atomic.Value
	origin, sibling string
}

func newEvilSite(t *testing.T) *evilSite {
	t.Helper()
	e := &evilSite{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<!doctype html><title>Evil</title><body>%s", e.shown.Load()) // the browser has gone when this fails
	}))
	t.Cleanup(server.Close)
	e.origin = server.URL
	e.sibling = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return e
}

// sends makes the site send a form to the address as soon as it is looked at.
func (e *evilSite) sends(action string, fields map[string]string) {
	var form strings.Builder
	for name, value := range fields {
		fmt.Fprintf(&form, `<input type="hidden" name="%s" value="%s">`, html.EscapeString(name), html.EscapeString(value))
	}
	e.shown.Store(fmt.Sprintf(`<form method="post" action="%s">%s</form><script>document.forms[0].submit()</script>`, html.EscapeString(action), form.String()))
}

const pollEvery = 50 * time.Millisecond

const formTokenOfThePage = `document.querySelector("[name=form_token]").value`

// isAttacked by forms of another site, which knows all that an attacker can know, down to the tokens of the attacker's own pages.
func (s stage) isAttacked(v visitor) {
	attacker := s.visit(v.T, browsertest.Desktop)
	attacker.Go(s.mock.Issuer + "/account")
	stranger := browsertest.Eval[string](attacker.Tab, formTokenOfThePage)
	attacker.signIn(theUser.Login, theUser.Password)
	attacker.isAt("/account/applications")
	attackers := browsertest.Eval[string](attacker.Tab, formTokenOfThePage)
	token, err := userJWT([]byte("test-secret"), 666, time.Now(), time.Minute)
	require.NoError(v, err)

	evil := newEvilSite(v.T)
	v.isNotSignedInBy(evil, stranger, token)

	v.Go(s.mock.App)
	v.connect()
	pending := visitor{v.Another(), s.mock}
	pending.Go(s.mock.App)
	pending.Click("#connect")
	pending.AwaitText("#allow", "\\w")
	asked := strings.TrimPrefix(pending.Address(), s.mock.Issuer)
	request := strings.TrimPrefix(asked, "/oauth/authorize/")
	authorize := "/oauth/authorize?response_type=code&client_id=" + demoClientID + "&redirect_uri=" + s.mock.App + "/callback&scope=balance:read"
	for _, site := range []string{evil.origin, evil.sibling} {
		for name, form := range map[string]struct {
			action string
			fields map[string]string
		}{
			"sign out":        {"/account/sign-out", map[string]string{"everywhere": "1"}},
			"allow":           {asked, map[string]string{"decision": "allow"}},
			"deny":            {asked, map[string]string{"decision": "deny"}},
			"sign in":         {"/account/sign-in", map[string]string{"login": "login", "password": "password", "request": request}},
			"to the host":     {"/account/sign-in/host", map[string]string{"request": request}},
			"disconnect":      {"/account/disconnect", map[string]string{"client": demoClientID}},
			"disconnect all":  {"/account/disconnect", map[string]string{"client": ""}},
			"authorize by it": {authorize, map[string]string{"login": "login", "password": "password"}},
		} {
			form.fields["form_token"] = attackers
			evil.sends(s.mock.Issuer+form.action, form.fields)
			v.Go(site)
			v.isAt("/")
			assert.Equal(v, http.StatusForbidden, v.status(), "%s from %s", name, site)
		}
	}
	v.Go(s.mock.Issuer + "/account")
	v.AwaitText("main", theUser.Login)
	require.True(v, browsertest.Eval[bool](v.Tab, `document.querySelector('a[href*="client=`+demoClientID+`"]') !== null`), "still connected")
	pending.Reload()
	pending.AwaitText("#allow", "\\w")

	v.isNotFramed(evil, asked)
	v.isNotReadBy(evil)
	v.Go(s.mock.App)
	v.balance()
}

// status is that of the page's answer.
func (v visitor) status() int {
	v.Helper()
	return browsertest.Eval[int](v.Tab, `performance.getEntriesByType("navigation")[0].responseStatus`)
}

// isNotSignedInBy a site that would have the user work in somebody else's account.
func (v visitor) isNotSignedInBy(evil *evilSite, formToken, hostToken string) {
	v.Helper()
	v.Go(v.mock.Issuer + "/account")
	for _, site := range []string{evil.origin, evil.sibling} {
		evil.sends(v.mock.Issuer+"/account/sign-in", map[string]string{"login": "login", "password": "password", "form_token": formToken})
		v.Go(site)
		v.isAt("/")
		assert.Equal(v, http.StatusForbidden, v.status(), site)
		evil.sends(v.mock.Issuer+"/account/sign-in/return", map[string]string{"state": strings.Repeat("x", 43), "token": hostToken})
		v.Go(site)
		v.isAt("/account/sign-in")
		v.AwaitText("#failure", "\\w")
		v.Look("sign-in-host-failed")
		v.Go(v.mock.Issuer + "/account")
		v.isAt("/account/sign-in")
	}
}

// isNotFramed by a site that would have the user click on what is not seen.
func (v visitor) isNotFramed(evil *evilSite, asked string) {
	v.Helper()
	paths := []string{"/account", "/account/applications", "/account/sign-in", "/account/disconnect?client=" + demoClientID, asked, "/oauth/authorize/NOTHING"}
	var frames strings.Builder
	for _, path := range paths {
		fmt.Fprintf(&frames, `<iframe src="%s%s"></iframe>`, v.mock.Issuer, path)
	}
	evil.shown.Store(frames.String())
	for _, site := range []string{evil.origin, evil.sibling} {
		refused := v.Expect("frame-ancestors 'none'")
		v.Go(site)
		require.Eventually(v, func() bool { return refused() == len(paths) }, startTimeout, pollEvery, site)
	}
}

// isNotReadBy a script of another site, although applications of every origin may use the routes.
func (v visitor) isNotReadBy(evil *evilSite) {
	v.Helper()
	v.Expect("CORS policy")
	evil.shown.Store(fmt.Sprintf(`<script>
		Promise.allSettled(["/account/applications", "/clients", "/oauth/authorize/x"].map(path => fetch("%s" + path, {credentials: "include"}).then(a => a.text())))
			.then(all => { document.title = all.map(one => one.status).join(" ") })</script>`, v.mock.Issuer))
	for _, site := range []string{evil.origin, evil.sibling} {
		v.Go(site)
		v.Await(`document.title === "rejected rejected rejected"`)
	}
}
