package main

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"gatehouse/cmd/demoapp/browsertest"
)

// withoutScripts switches JavaScript off for the pages of the authorization server, and looks at the one that is there anew.
func (v visitor) withoutScripts() {
	v.Helper()
	at := v.Address()
	v.Scripts(false)
	v.Go(v.mock.App)
	v.AwaitText("noscript", "switched off")
	v.Go(at)
}

// signsIn with a wrong password, and then with the right one; the address bar, Back and Reload do what a person expects.
func (v visitor) signsIn(scripts bool) {
	v.Click("#connect")
	v.isAt("/account/sign-in")
	if !scripts {
		v.withoutScripts()
	}
	v.Await(`document.activeElement.id === "login"`)
	require.Empty(v, browsertest.Eval[string](v.Tab, "document.cookie"), "no script could read them")
	begun := v.Address()

	v.signIn("login", "nope")
	v.AwaitText("#failure", "\\w")
	require.Equal(v, begun, v.Address())
	require.Equal(v, "login", v.Text("#login"))
	require.Equal(v, "password", browsertest.Eval[string](v.Tab, "document.activeElement.id"), "what has to be typed again")
	require.True(v, browsertest.Eval[bool](v.Tab, `document.title.startsWith(document.querySelector("#failure").textContent)`), "what a screen reader says first")
	require.True(v, browsertest.Eval[bool](v.Tab, `["login", "password"].every(id => (e =>
		e.ariaInvalid === "true" && e.getAttribute("aria-describedby") === "failure")(document.getElementById(id)))`))
	v.Look("sign-in-wrong")
	v.Go(v.Address())
	v.Await(`document.querySelector("#failure") === null && document.querySelector("#login").ariaInvalid === null`)

	v.Type("#login", theUser.Login)
	v.Press(kb.Tab)
	v.Press(theUser.Password)
	v.Press(kb.Enter)
	v.isAt("/oauth/authorize/")
	v.AwaitText("#allow", "\\w")
	asked := v.Address()
	for _, step := range []func(){v.Reload, func() { v.Go(asked) }, v.Back, func() { v.Go(begun) }} {
		step()
		v.isAt("/oauth/authorize/")
		v.AwaitText("#allow", "\\w")
		require.Equal(v, asked, v.Address())
	}

	v.Scripts(true) // for the application
	for range 30 {  // without a mouse
		v.Press(kb.Tab)
		if browsertest.Eval[string](v.Tab, "document.activeElement.id") == "allow" {
			break
		}
	}
	v.Press(kb.Enter)
	v.balance()
	require.Equal(v, v.mock.App+"/", v.Address())
	for _, address := range []string{asked, begun} {
		v.Go(address)
		v.isAt("/oauth/authorize/")
		require.False(v, browsertest.Eval[bool](v.Tab, `document.querySelector("#allow, #password") !== null`), "it was decided")
	}
	v.Go(v.mock.App)
	v.balance()

	v.Scripts(scripts)
	v.disconnectsInTheAccount()
	v.Scripts(true)
	v.Go(v.mock.App)
	v.AwaitText("#notice", "^Access has ended\\.")
}

// disconnectsInTheAccount ends the demo application's access where the user's account is.
func (v visitor) disconnectsInTheAccount() {
	v.Helper()
	v.Go(v.mock.Issuer + "/account")
	v.isAt("/account/applications")
	link := `a[href*="disconnect?client=` + demoClientID + `"]`
	v.Click(link)
	v.AwaitText("#keep", "\\w")
	v.Click("#keep")
	v.isAt("/account/applications")
	v.Click(link)
	v.Click("#disconnect")
	v.AwaitText("#said", "Demo application")
	v.Await(`document.querySelector('` + link + `') === null`)
	v.Reload()
	v.Await(`document.querySelector("#said") === null && document.querySelector("#sign-out") !== null`)
}

func (v visitor) signsInAtTheHost() {
	v.Click("#connect")
	v.isAt("/account/sign-in")
	v.withoutScripts()
	v.Click("#host-sign-in")
	v.AwaitText("h1", "^Demo host application$")
	v.Look("host-application")
	v.Click("form button")
	v.isAt("/oauth/authorize/")
	v.AwaitText("main", "user 12345")
	asked := v.Address()

	// The host application's answer again: it is not taken, and changes nothing.
	v.Back()
	v.AwaitText("h1", "^Demo host application$")
	v.Click("form button")
	v.isAt("/account/applications")
	v.AwaitText("main", "user 12345")
	v.Go(asked)

	v.Click("#not-you")
	v.isAt("/account/sign-in")
	v.Click("#host-sign-in")
	v.AwaitText("h1", "^Demo host application$")
	v.Click("a")
	v.isAt("/account/sign-in")
	v.Scripts(true)
	v.Click("#cancel")
	v.AwaitText("#notice", "^You did not allow it\\.")
}

// endSessions is what an operator does, or the time.
func (v visitor) endSessions(subject string) {
	v.Helper()
	body, err := json.Marshal(map[string]string{"sessions_of": subject})
	require.NoError(v, err)
	r, err := http.NewRequestWithContext(v.Context(), http.MethodPost, v.mock.Issuer+"/admin/revocations", bytes.NewReader(body))
	require.NoError(v, err)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	require.NoError(v, err)
	require.NoError(v, response.Body.Close())
	require.Equal(v, http.StatusOK, response.StatusCode)
}

// decides with a session that ends meanwhile, and with two clicks.
func (v visitor) decides() {
	v.Click("#connect")
	v.signIn(theUser.Login, theUser.Password)
	v.AwaitText("#allow", "\\w")
	asked := v.Address()
	v.endSessions("12345")
	v.Click("#allow")
	v.isAt("/account/sign-in")
	v.signIn(theUser.Login, theUser.Password)
	v.isAt("/oauth/authorize/")
	require.Equal(v, asked, v.Address(), "the same request")
	v.DoubleClick("#allow")
	v.balance()
	v.Reload()
	v.balance()

	v.Go(v.mock.Issuer + "/account")
	v.endSessions("12345")
	v.Click("#sign-out")
	v.isAt("/account/sign-in")
}

// unticks what the application is not to have, which is then not there, and allows it later.
func (v visitor) unticks() {
	v.hostTakesBack() // from whatever was there before
	v.Click("#connect")
	v.signIn(theUser.Login, theUser.Password)
	box := func(scope string) string { return `[id="scope-` + scope + `"]` }
	for _, scope := range []string{"balance:read", "invoices:create", "payments:send"} {
		v.Click(box(scope))
	}
	v.Leave("#allow")
	v.AwaitText("#failure", "at least one")
	v.Look("consent-nothing-chosen")
	v.Click(box("invoices:create"))
	v.Click(`label[for="scope-payments:send"]`)
	v.Click("#allow")
	v.AwaitText("#scope", "^balance:read$")
	v.balance()
	v.Click("#order")
	v.AwaitText("#bolt11", "^lnbcrt")
	v.Click("#pay")
	v.AwaitText("#pay-result", "does not have the scope payments:send")

	later := visitor{v.Another(), v.mock}
	later.Go(v.mock.App)
	later.Click("#connect")
	later.AwaitText(".held", "balance:read")
	later.Look("consent-in-addition")
	later.Click("#allow")
	later.AwaitText("#scope", "^balance:read invoices:create payments:send$")
}

// hasTwoTabs, in which the same application asks at the same time.
func (v visitor) hasTwoTabs() {
	other := visitor{v.Another(), v.mock}
	v.Click("#connect")
	v.isAt("/account/sign-in")
	other.Go(v.mock.App)
	other.Click("#connect")
	other.isAt("/account/sign-in")

	v.signIn(theUser.Login, theUser.Password)
	v.AwaitText("#allow", "\\w")
	other.Reload()
	other.AwaitText("#allow", "\\w")
	require.NotEqual(v, v.Address(), other.Address())
	other.Click("#not-you")
	other.isAt("/account/sign-in")
	v.Click("#allow")
	v.isAt("/account/sign-in")
	other.signIn(theUser.Login, theUser.Password)
	other.AwaitText("#deny", "\\w")
	other.Click("#deny")
	other.AwaitText("#notice", "^You did not allow it\\.")
	v.Reload()
	v.Click("#allow")
	v.balance()
}
