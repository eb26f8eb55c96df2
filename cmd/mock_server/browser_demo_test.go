package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"

	"gatehouse/cmd/demoapp/browsertest"
)

// seesItAll is the whole of it: what the first hour of a newcomer begins with.
func (v visitor) seesItAll() {
	v.AwaitText("#hint", "login “login” and password “password”")
	v.Look("demo-1-not-connected")
	v.Illustrate("demo-1-not-connected")
	v.connect()
	require.Equal(v, v.mock.App+"/", v.Address(), "the code has left the address")
	anywhere, inTab := v.stored()
	require.Zero(v, anywhere)
	require.Equal(v, 1, inTab, "the tokens, and not what led to them")
	v.AwaitText("#scope", "^balance:read invoices:create payments:send$")
	before := v.balance()
	v.Look("demo-2-connected")

	v.Click("#create-invoice")
	v.AwaitText("#invoice", "^lnbcrt10000n1")
	v.AwaitText("#invoice-result", "1,000 sat")
	v.Click("#order")
	v.AwaitText("#bolt11", "^lnbcrt")
	v.Click("#pay")
	v.AwaitText("#pay-result", "^Paid 2,000 sat, and a fee of [0-9,]+ sat")
	amount, fee, _ := strings.Cut(v.Text("#pay-result"), "fee")
	spent := inSat(v, amount) + inSat(v, fee)
	v.AwaitText("#balance", "^"+withCommas(before-spent)+" sat$")
	v.Look("demo-3-paid")
	v.Illustrate("demo-3-paid")

	v.Reload()
	require.Equal(v, before-spent, v.balance(), "a reload changes nothing")

	v.Click("#disconnect")
	v.AwaitText("#notice", "^Disconnected\\. .*tried once more, and refused: The access token was revoked\\.$")
	v.AwaitText("#connect", "^Connect$")
	_, inTab = v.stored()
	require.Zero(v, inTab)
	v.Look("demo-4-disconnected")
	v.Illustrate("demo-4-disconnected")
	v.Reload()
	v.AwaitText("#connect", "^Connect$")
}

func withCommas(n int) string {
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// stored is what the browser keeps for the page, beyond the tab and in it.
func (v visitor) stored() (anywhere, inTab int) {
	v.Helper()
	return browsertest.Eval[int](v.Tab, "localStorage.length + document.cookie.length"), browsertest.Eval[int](v.Tab, "sessionStorage.length")
}

// takesAccessBack is done by the host application, for its user.
func (v visitor) takesAccessBack() {
	v.connect()
	require.Equal(v, http.StatusNoContent, v.hostTakesBack())
	v.seesTheEnd()
}

func (v visitor) hostTakesBack() (status int) {
	v.Helper()
	return v.asHost(http.MethodDelete, "", "")
}

// asHost is what the host application says about the demo application, for its user.
func (v visitor) asHost(method, path, body string) (status int) {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), method, v.mock.Issuer+"/clients/"+demoClientID+path, strings.NewReader(body))
	require.NoError(v, err)
	r.Header.Set("Authorization", "Bearer "+v.mock.UserJWT)
	response, err := http.DefaultClient.Do(r)
	require.NoError(v, err)
	require.NoError(v, response.Body.Close())
	return response.StatusCode
}

// seesTheEnd is what happens in the demo application when its access has ended elsewhere.
func (v visitor) seesTheEnd() {
	v.Helper()
	v.Click("#refresh")
	v.AwaitText("#notice", "^Access has ended\\. The access token was revoked\\.$")
	v.AwaitText("#connect", "^Connect$")
	_, inTab := v.stored()
	require.Zero(v, inTab)
}

func (v visitor) saysNo() {
	v.Click("#connect")
	v.Decide(v.mock.Issuer, v.mock.App, theUser.Login, theUser.Password, browsertest.Deny)
	v.AwaitText("#notice", "^You did not allow it\\.")
	require.Equal(v, v.mock.App+"/", v.Address())
	v.AwaitText("#connect", "^Connect$")
}

// bringsStrangeAnswers cannot make the page take a code that it did not ask for, or one of another server.
func (v visitor) bringsStrangeAnswers() {
	for _, path := range []string{"/?code=somebody-elses&state=x", "/callback?code=somebody-elses&state=x", "/?code=without-state"} {
		v.Go(v.mock.App + path)
		v.AwaitText("#notice", "did not ask for")
		require.Equal(v, v.mock.App+path, v.Address(), "whoever asked for it elsewhere finds it there")
	}
	browsertest.Eval[bool](v.Tab, `sessionStorage.setItem("pending", '{"state": "x", "verifier": "y"}'), true`)
	v.Go(v.mock.App + "/callback?code=c&state=x&iss=https%3A%2F%2Fevil.example")
	v.AwaitText("#notice", "another server")
	browsertest.Eval[bool](v.Tab, `sessionStorage.setItem("pending", '{"state": "x", "verifier": "y"}'), true`)
	v.Go(v.mock.App + "/callback?code=c&state=x")
	v.AwaitText("#notice", "another server")
	v.Await(`document.querySelectorAll("#sent li").length === 0 && sessionStorage.length === 0`)
}

func (v visitor) clicksPayTwice() {
	v.connect()
	v.Click("#order")
	v.AwaitText("#bolt11", "^lnbcrt")
	browsertest.Eval[bool](v.Tab, `(form => { form.requestSubmit(); form.requestSubmit(); return true })(document.querySelector("#pay-form"))`)
	v.AwaitText("#pay-result", "^Paid")
	require.Equal(v, 1, strings.Count(v.Text("#sent"), "POST /payments/bolt11"))

	v.Type("#bolt11", "no invoice")
	v.Click("#pay")
	v.AwaitText("#pay-result", "\\w{3}")
	v.AwaitText("#balance", "sat$")
	require.NotContains(v, v.Text("#pay-result"), "Paid")
}
