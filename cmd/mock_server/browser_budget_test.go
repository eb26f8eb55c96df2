package main

import (
	"github.com/stretchr/testify/require"

	"gatehouse/cmd/demoapp/browsertest"
)

// staysWithinTheBudget that its user gave it: the shop is paid twice, and a third time when the user has said so.
func (v visitor) staysWithinTheBudget() {
	v.Click("#connect")
	v.signIn(theUser.Login, theUser.Password)
	v.AwaitText("#allow", "\\w")
	v.AwaitText("main", "It asks for 5,000\u00a0sat a month\\.")
	v.Click("#limit-sat-own")
	v.Type("#own-sat", "5.000")
	v.Leave("#allow")
	v.AwaitText("#failure", "whole number, such as 5,000")
	require.Equal(v, "own-sat", browsertest.Eval[string](v.Tab, "document.activeElement.id"))
	v.Look("consent-budget-wrong")
	v.Type("#own-sat", "5,000")
	v.Leave("#allow")
	v.AwaitText("#budget", "^5,000 sat are left of the 5,000 sat that it may spend until")

	for _, left := range []string{"2,99", "99"} { // what the fee was, the shop's node says
		v.orders()
		v.AwaitText("#pay-result", "^Paid 2,000 sat")
		v.AwaitText("#budget", "^"+left+"\\d sat are left of the 5,000 sat")
	}
	v.orders()
	v.AwaitText("#pay-result", "^Not paid: with its fee this could cost 2,021 sat, and 99\\d sat are left of the 5,000 sat that you allowed\\. It begins anew on")
	v.Look("demo-6-refused")

	account := v.Another()
	account.Go(v.mock.Issuer + "/account/applications")
	account.AwaitText("main", "4,00\\d\u00a0sat spent, 99\\d\u00a0sat left")
	require.Equal(v, "801", browsertest.Eval[string](account, `document.querySelector(".bar-spent").getAttribute("width").replace(/^80\d$/, "801")`))
	account.Click(`a[href*="payments?client=` + demoClientID + `"]`)
	account.AwaitText("main", "Paid")
	account.Look("payments")
	account.Click("#back")
	account.AwaitText("main", "Your account")
	account.Click(`a[href*="budget?client=` + demoClientID + `"]`)
	account.AwaitText("#save", "\\w")
	account.Look("budget")
	account.Scripts(false)
	account.Click("#limit-sat-10000")
	account.Leave("#save")
	account.Scripts(true)
	account.AwaitText("#said", "That holds from now on")

	v.Click("#pay") // the same invoice: nothing was paid
	v.AwaitText("#pay-result", "^Paid 2,000 sat")
	v.AwaitText("#budget", "^3,99\\d sat are left of the 10,000 sat")
	v.Click("#disconnect")
	v.AwaitText("#connect", "^Connect$")
}

// orders coffee beans, and pays.
func (v visitor) orders() {
	v.Helper()
	v.Click("#order")
	v.AwaitText("#bolt11", "^lnbcrt")
	v.Click("#pay")
}
