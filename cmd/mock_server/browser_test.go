package main

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/cmd/demoapp/browsertest"
)

// stage is a mock server and a browser, for all tests that need one: to start them takes longer than most.
type stage struct {
	*browsertest.Browser
	mock *mockProcess
}

// Everything that a person does, by clicking.
func TestInABrowser(t *testing.T) {
	s := stage{browsertest.Start(t), startMock(t)}
	require.Equal(t, "demo application", s.mock.First, "the link comes first")

	t.Run("the demo's budget", func(t *testing.T) { s.visit(t, browsertest.Phone).staysWithinTheBudget() })
	t.Run("the demo on a phone", func(t *testing.T) { s.visit(t, browsertest.Phone).seesItAll() })
	t.Run("the demo at a desk", func(t *testing.T) { s.visit(t, browsertest.Desktop).seesItAll() })
	t.Run("the demo sees that access was taken back", func(t *testing.T) { s.visit(t, browsertest.Desktop).takesAccessBack() })
	t.Run("the demo is told no", func(t *testing.T) { s.visit(t, browsertest.Desktop).saysNo() })
	t.Run("the demo takes its own answers only", func(t *testing.T) { s.visit(t, browsertest.Desktop).bringsStrangeAnswers() })
	t.Run("the demo pays once", func(t *testing.T) { s.visit(t, browsertest.Desktop).clicksPayTwice() })
	t.Run("signing in, with JavaScript", func(t *testing.T) { s.visit(t, browsertest.Desktop).signsIn(true) })
	t.Run("signing in, without JavaScript", func(t *testing.T) { s.visit(t, browsertest.Phone).signsIn(false) })
	t.Run("signing in at the host application", func(t *testing.T) { s.visit(t, browsertest.Phone).signsInAtTheHost() })
	t.Run("deciding", func(t *testing.T) { s.visit(t, browsertest.Desktop).decides() })
	t.Run("a part of it", func(t *testing.T) { s.visit(t, browsertest.Phone).unticks() })
	t.Run("every page", func(t *testing.T) { s.visit(t, browsertest.Desktop).seesEveryPage() })
	t.Run("names that are no text", func(t *testing.T) { s.showsHostileNames(s.Open(t, browsertest.Desktop)) })
	t.Run("no way of signing in", func(t *testing.T) { s.saysWhatIsMissing(s.Open(t, browsertest.Desktop)) })
	t.Run("another site", func(t *testing.T) { s.isAttacked(s.visit(t, browsertest.Desktop)) })
	t.Run("two tabs", func(t *testing.T) { s.visit(t, browsertest.Desktop).hasTwoTabs() })
}

// visitor is somebody in front of the demo application, who does what a person would.
type visitor struct {
	*browsertest.Tab
	mock *mockProcess
}

// visit opens the link that the mock server prints first.
func (s stage) visit(t *testing.T, screen browsertest.Screen) visitor {
	t.Helper()
	v := visitor{s.Open(t, screen), s.mock}
	v.Go(s.mock.App)
	v.AwaitText("#connect", "^Connect$")
	return v
}

func (v visitor) connect() {
	v.Helper()
	v.Click("#connect")
	v.Decide(v.mock.Issuer, v.mock.App, theUser.Login, theUser.Password, browsertest.Allow)
	v.AwaitText("#balance", "sat$")
	require.Equal(v, http.StatusOK, v.asHost(http.MethodPut, "/budget", `{"limit":null}`), "not every test is about budgets")
}

// signIn is the page of that name, filled in, and sent.
func (v visitor) signIn(login, password string) {
	v.Helper()
	v.Type("#login", login)
	v.Type("#password", password)
	v.Leave("#sign-in")
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

// isAt requires a page of the authorization server, by the beginning of its path.
func (v visitor) isAt(path string) {
	v.Helper()
	v.Await(`document.readyState === "complete" && location.href.startsWith("` + v.mock.Issuer + path + `")`)
}
