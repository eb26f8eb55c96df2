package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/cmd/demoapp/browsertest"
)

// visitor is somebody in front of the demo application, who does what a person would.
type visitor struct {
	*browsertest.Tab
	mock *mockProcess
}

// visit opens the link that the mock server prints first.
func visit(t *testing.T, screen browsertest.Screen) visitor {
	t.Helper()
	m := startMock(t)
	require.Equal(t, "demo application", m.First)
	v := visitor{browsertest.Open(t, screen), m}
	v.Go(m.App)
	v.AwaitText("#connect", "^Connect$")
	return v
}

func (v visitor) connect() {
	v.Helper()
	v.Click("#connect")
	v.Decide(v.mock.Issuer, v.mock.App, theUser.Login, theUser.Password, browsertest.Allow)
	v.AwaitText("#balance", "sat$")
}

// balance is what the page shows.
func (v visitor) balance() int {
	v.Helper()
	v.AwaitText("#balance", "sat$")
	return inSat(v, v.Text("#balance"))
}

// inSat is the first amount in a text.
func inSat(v visitor, text string) int {
	v.Helper()
	amount := regexp.MustCompile(`([\d,]+) sat`).FindStringSubmatch(text)
	require.NotNil(v, amount, text)
	n, err := strconv.Atoi(strings.ReplaceAll(amount[1], ",", ""))
	require.NoError(v, err)
	return n
}

// stored is what the browser keeps for the page, beyond the tab and in it.
func (v visitor) stored() (anywhere, inTab int) {
	v.Helper()
	return browsertest.Eval[int](v.Tab, "localStorage.length + document.cookie.length"), browsertest.Eval[int](v.Tab, "sessionStorage.length")
}

// The whole of it, by clicking: what the first hour of a newcomer begins with.
func TestTheDemoApplicationByClicking(t *testing.T) {
	for _, screen := range browsertest.Screens {
		t.Run(screen.Name, func(t *testing.T) {
			v := visit(t, screen)
			v.AwaitText("#hint", "login “login” and password “password”")
			v.Picture("demo-1-not-connected")
			v.connect()
			require.Equal(t, v.mock.App+"/", v.Address(), "the code has left the address")
			anywhere, inTab := v.stored()
			require.Zero(t, anywhere)
			require.Equal(t, 1, inTab, "the tokens, and not what led to them")
			v.AwaitText("#scope", "^balance:read invoices:create payments:send$")
			before := v.balance()
			v.Picture("demo-2-connected")

			v.Click("#create-invoice")
			v.AwaitText("#invoice", "^lnbcrt10000n1")
			v.AwaitText("#invoice-result", "1,000 sat")
			v.Click("#order")
			v.AwaitText("#bolt11", "^lnbcrt")
			v.Click("#pay")
			v.AwaitText("#pay-result", "^Paid 2,500 sat, and a fee of [0-9,]+ sat")
			amount, fee, _ := strings.Cut(v.Text("#pay-result"), "fee")
			spent := inSat(v, amount) + inSat(v, fee)
			v.AwaitText("#balance", "^"+withCommas(before-spent)+" sat$")
			v.Picture("demo-3-paid")

			v.Reload()
			require.Equal(t, before-spent, v.balance(), "a reload changes nothing")

			v.Click("#disconnect")
			v.AwaitText("#notice", "^Disconnected\\. .*tried once more, and refused: The access token was revoked\\.$")
			v.AwaitText("#connect", "^Connect$")
			_, inTab = v.stored()
			require.Zero(t, inTab)
			v.Picture("demo-4-disconnected")
			v.Reload()
			v.AwaitText("#connect", "^Connect$")
		})
	}
}

func withCommas(n int) string {
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

func TestTheDemoApplicationSeesThatAccessWasTakenBackElsewhere(t *testing.T) {
	v := visit(t, browsertest.Screens[1])
	v.connect()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, v.mock.Issuer+"/clients/"+demoClientID, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+v.mock.UserJWT)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNoContent, response.StatusCode)

	v.Click("#refresh")
	v.AwaitText("#notice", "^Access has ended\\. The access token was revoked\\.$")
	v.AwaitText("#connect", "^Connect$")
	_, inTab := v.stored()
	require.Zero(t, inTab)
}

func TestTheDemoApplicationIsToldNo(t *testing.T) {
	v := visit(t, browsertest.Screens[1])
	v.Click("#connect")
	v.Decide(v.mock.Issuer, v.mock.App, theUser.Login, theUser.Password, browsertest.Deny)
	v.AwaitText("#notice", "^You did not allow it\\.")
	require.Equal(t, v.mock.App+"/", v.Address())
	v.AwaitText("#connect", "^Connect$")
}

// Nobody can make the page take a code that it did not ask for, or one of another server.
func TestTheDemoApplicationTakesOnlyItsOwnAnswers(t *testing.T) {
	v := visit(t, browsertest.Screens[1])
	for _, path := range []string{"/?code=somebody-elses&state=x", "/callback?code=somebody-elses&state=x", "/?code=without-state"} {
		v.Go(v.mock.App + path)
		v.AwaitText("#notice", "did not ask for")
		require.Equal(t, v.mock.App+path, v.Address(), "whoever asked for it elsewhere finds it there")
	}
	browsertest.Eval[bool](v.Tab, `sessionStorage.setItem("pending", '{"state": "x", "verifier": "y"}'), true`)
	v.Go(v.mock.App + "/callback?code=c&state=x&iss=https%3A%2F%2Fevil.example")
	v.AwaitText("#notice", "another server")
	browsertest.Eval[bool](v.Tab, `sessionStorage.setItem("pending", '{"state": "x", "verifier": "y"}'), true`)
	v.Go(v.mock.App + "/callback?code=c&state=x")
	v.AwaitText("#notice", "another server")
	v.Await(`document.querySelectorAll("#sent li").length === 0 && sessionStorage.length === 0`)
}

func TestTheDemoApplicationPaysOnceHoweverOftenOneClicks(t *testing.T) {
	v := visit(t, browsertest.Screens[1])
	v.connect()
	v.Click("#order")
	v.AwaitText("#bolt11", "^lnbcrt")
	browsertest.Eval[bool](v.Tab, `(form => { form.requestSubmit(); form.requestSubmit(); return true })(document.querySelector("#pay-form"))`)
	v.AwaitText("#pay-result", "^Paid")
	require.Equal(t, 1, strings.Count(v.Text("#sent"), "POST /payments/bolt11"))

	v.Type("#bolt11", "no invoice")
	v.Click("#pay")
	v.AwaitText("#pay-result", "\\w{3}")
	v.AwaitText("#balance", "sat$")
	require.NotContains(t, v.Text("#pay-result"), "Paid")
}
