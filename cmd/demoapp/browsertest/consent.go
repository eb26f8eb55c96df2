package browsertest

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"
)

// Decision is the button that a person clicks when asked.
type Decision string

// The decisions.
const (
	Allow Decision = "allow"
	Deny  Decision = "deny"
)

// maxPages is more than there are between an application's question and its answer.
const maxPages = 5

// Decide goes through the pages of the authorization server, signing in where it has to, until they lead back to the
// application, whose page says by data-ready that it has done what it does by itself.
func (t *Tab) Decide(issuer, application, login, password string, decision Decision) {
	t.Helper()
	for range maxPages {
		// A page that was dealt with already is not looked at again.
		t.Await(`document.readyState === "complete" && !window.dealtWith && (location.href.startsWith("` + issuer +
			`/") || document.documentElement.dataset.ready)`)
		if !strings.HasPrefix(t.Address(), issuer+"/") {
			require.True(t, strings.HasPrefix(t.Address(), application), t.Address())
			return
		}
		t.AwaitText("body", "Demo application")
		asksPassword := Eval[bool](t, `document.querySelector("input[name=password]") !== null`)
		button := fmt.Sprintf("#%s, button[name=decision][value=%s]", decision, decision)
		if asksPassword {
			t.Type("input[name=login]", login)
			t.Type("input[name=password]", password)
			if Eval[bool](t, `document.querySelector("#sign-in") !== null`) {
				button = "#sign-in"
			}
		}
		Eval[bool](t, "window.dealtWith = true")
		t.Click(button)
	}
	require.Fail(t, "the pages lead nowhere", t.Address())
}
