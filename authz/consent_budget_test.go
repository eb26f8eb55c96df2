package authz_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/budget"
	"gatehouse/registry"
)

// asked opens the page of a request that asks for everything, and for the budget in details; empty: for none.
func (b *browser) asked(details string, pairs ...string) {
	b.Helper()
	requirePage(b.T, b.open(request("app", append([]string{"scope", everything, "authorization_details", details}, pairs...)...)), http.StatusOK)
}

// preselected is what the page's form says when nobody touches it.
func (b *browser) preselected() [3]string {
	b.Helper()
	_, fields := b.form("allow")
	return [3]string{fields.Get("limit-sat"), fields.Get("period-sat"), fields.Get("payment-sat")}
}

func TestThePageOfWhatSpendsAlwaysHasALimit(t *testing.T) {
	w := newWorld(t, withBudgets())
	b := w.signedIn()
	b.asked("")
	require.Equal(t, [3]string{"10000", "month", ""}, b.preselected(), "whoever clicks without reading loses little")
	require.Contains(t, b.page.text, "<legend>How much may An App spend?</legend>")
	require.Contains(t, b.page.text, "10,000\u00a0sat</label>")
	require.Contains(t, b.page.text, `<input type="radio" id="limit-sat-none" name="limit-sat" value="none">`, "no limit has to be chosen")
	b.asked(asks("null", "none"))
	require.Equal(t, [3]string{"10000", "month", ""}, b.preselected(), "asking for no limit preselects none")
	require.Contains(t, b.page.text, "It asks for any amount.")
	b.asked(asks("5000", "week"))
	require.Equal(t, [3]string{"5000", "week", ""}, b.preselected())
	require.Contains(t, b.page.text, "It asks for 5,000\u00a0sat a week.")
	b.asked(`[{"type":"spend","unit":"sat","limit":5000,"period":"day","max_payment":1200}]`)
	require.Equal(t, [3]string{"5000", "day", "1,200"}, b.preselected())
	require.Contains(t, b.page.text, "5,000\u00a0sat a day, at most 1,200\u00a0sat for each payment.")
	requirePage(t, b.open(request("app", "scope", "balance:read")), http.StatusOK)
	require.NotContains(t, b.page.text, "limit-sat", "nothing spends")

	w = newWorld(t, withBudgets(func(l *budget.Ledger) { l.Default, l.RefuseUnlimited = months(300), true }))
	b = w.signedIn()
	b.asked("")
	require.Equal(t, [3]string{"300", "month", ""}, b.preselected())
	require.NotContains(t, b.page.text, "limit-sat-none")
	requirePage(t, b.press("allow", "limit-sat", "none"), http.StatusBadRequest)
	require.Contains(t, b.page.text, "A limit is required here.")
}

func TestTheUserChoosesTheLimit(t *testing.T) {
	w := newWorld(t, withBudgets())
	for _, c := range []struct {
		pairs []string
		want  budget.Limit
	}{
		{nil, months(5000)},
		{[]string{"limit-sat", "1000"}, months(1000)},
		{[]string{"limit-sat", "100000", "period-sat", "day"}, budget.Limit{Most: 100_000, Period: budget.Day, MostAtOnce: -1}},
		{[]string{"limit-sat", "own", "own-sat", "2,345"}, months(2345)},
		{[]string{"limit-sat", "own", "own-sat", " 2 345 ", "period-sat", "none"}, budget.Limit{Most: 2345, Period: budget.None, MostAtOnce: -1}},
		{[]string{"limit-sat", "own", "own-sat", "0"}, months(0)},
		{[]string{"limit-sat", "1000", "payment-sat", "1,000"}, budget.Limit{Most: 1000, Period: budget.Month, MostAtOnce: 1000}},
		{[]string{"limit-sat", "none"}, budget.Unlimited},
	} {
		b := w.signedIn()
		b.asked(asks("5000", "month"))
		require.Equal(t, everything, b.granted(b.press("allow", c.pairs...)), c.pairs)
		require.Equal(t, c.want, w.limit(), c.pairs)
		w.setLimit(5000, budget.Month)
	}
}

// What cannot be taken grants nothing, and the page says what is wrong, with what was typed and unticked.
func TestAnAmountThatIsNotUnderstoodGrantsNothing(t *testing.T) {
	w := newWorld(t, withBudgets())
	b := w.signedIn()
	for _, typed := range []string{"5.000", "5,00", "0.005", "-5", "5e3", "9007199254740992", "<b>5</b>", "", "five", strings.Repeat("9", 4000), "5\x00"} {
		b.asked(asks("5000", "month"))
		a := b.press("allow", "limit-sat", "own", "own-sat", typed, "scope-invoices:create", "")
		requirePage(t, a, http.StatusBadRequest)
		require.NotContains(t, a.text, "<b>5")
		if typed == "5\x00" {
			continue // no text at all
		}
		require.Contains(t, a.text, "Write the amount as a whole number, such as 5,000.", typed)
		require.Contains(t, a.text, `value="own" checked>`)
		require.Contains(t, a.text, `aria-invalid="true" aria-describedby="failure" autofocus>`)
	}
	b.asked(asks("5000", "month"))
	action, fields := b.form("allow")
	fields.Set("limit-sat", "own")
	fields.Set("own-sat", "5.000")
	fields.Set("period-sat", "week")
	fields.Del("scope-invoices:create")
	requirePage(t, b.follow(b.request(http.MethodPost, action, fields)), http.StatusBadRequest)
	_, again := b.form("allow")
	require.Equal(t, "5.000", again.Get("own-sat"))
	require.Equal(t, "week", again.Get("period-sat"))
	require.Equal(t, [3]bool{true, false, true}, [3]bool{again.Has("scope-balance:read"), again.Has("scope-invoices:create"), again.Has("scope-payments:send")},
		"what was unticked stays so")
	for _, pairs := range [][]string{
		{"limit-sat", ""}, {"limit-sat", "x"}, {"limit-sat", "-1"}, {"limit-sat", "5.000"}, {"period-sat", "x"}, {"seen-sat", ""},
		{"own-sat", "500"}, {"payment-sat", "0"}, {"payment-sat", "1.5"}, {"payment-sat", "x"},
	} {
		b.asked(asks("5000", "month"))
		requirePage(t, b.press("allow", pairs...), http.StatusBadRequest)
	}
	_, err := w.registry.Budget(t.Context(), w.budgetOf("app"))
	require.ErrorIs(t, err, registry.ErrNotFound)
	live, err := w.registry.LiveGrants(t.Context(), subject, "app", 50)
	require.NoError(t, err)
	require.Empty(t, live)
	require.Equal(t, everything, b.granted(b.press("allow", "payment-sat", "")), "and nothing was used up")

	de := w.signedIn()
	de.languages = "de"
	de.asked(asks("5000", "month"))
	require.Contains(t, de.page.text, "5.000\u00a0sat im Monat")
	de.press("allow", "limit-sat", "own", "own-sat", "7.000")
	require.Equal(t, months(7000), w.limit())
}

func TestWhatSpendsNotLeavesTheBudgetAlone(t *testing.T) {
	w := newWorld(t, withBudgets())
	b := w.signedIn()
	b.asked(asks("5000", "month"))
	a := b.press("allow", "scope-payments:send", "", "limit-sat", "own", "own-sat", "nonsense")
	require.Equal(t, "balance:read invoices:create", b.granted(a))
	_, err := w.registry.Budget(t.Context(), w.budgetOf("app"))
	require.ErrorIs(t, err, registry.ErrNotFound)
}

// Consenting again neither makes a fresh budget nor a larger one, unless the user says so.
func TestConsentingAgainHasTheSameBudget(t *testing.T) {
	w := newWorld(t, withBudgets())
	b := w.signedIn()
	b.asked(asks("5000", "month"))
	b.granted(b.press("allow"))
	w.spend("p1", 3000)

	b.asked(asks("50000", "month"))
	require.Equal(t, [3]string{"5000", "month", ""}, b.preselected())
	require.Contains(t, b.page.text, "It asks for 50,000\u00a0sat a month. You have allowed it 5,000\u00a0sat a month, and that stays")
	require.Contains(t, b.page.text, "Spent already: 3,000\u00a0sat.")
	b.granted(b.press("allow"))
	require.Equal(t, months(5000), w.limit())
	now, _, err := w.config.Budgets.Of(t.Context(), w.budgetOf("app"))
	require.NoError(t, err)
	require.EqualValues(t, 2000, now.Left(), "what is spent stays spent")

	b.asked(asks("400", "month"))
	require.Equal(t, [3]string{"400", "month", ""}, b.preselected(), "less is what it gets")
	b.asked("")
	require.Equal(t, [3]string{"5000", "month", ""}, b.preselected())
	require.Contains(t, b.page.text, "So far you allow it 5,000\u00a0sat a month.")
	b.granted(b.press("allow", "limit-sat", "own", "own-sat", "6000"))
	require.Equal(t, months(6000), w.limit(), "who says so raises it")
}

func TestADoubleClickDecidesOnce(t *testing.T) {
	w := newWorld(t, withBudgets())
	b := w.signedIn()
	b.asked(asks("5000", "month"))
	action, fields := b.form("allow")
	first := b.request(http.MethodPost, action, fields)
	second := b.request(http.MethodPost, action, fields)
	require.NotEmpty(t, b.sent(second).Get("code"))
	other := url.Values{}
	for name := range fields {
		other.Set(name, fields.Get(name))
	}
	other.Set("limit-sat", "100000")
	requirePage(t, b.request(http.MethodPost, action, other), http.StatusGone)
	require.Equal(t, months(5000), w.limit())
	require.NotEqual(t, b.sent(first).Get("code"), b.sent(second).Get("code"))
}

// A page that was open for long does not undo what was decided since.
func TestAnOldPageRaisesNothing(t *testing.T) {
	w := newWorld(t, withBudgets())
	w.setLimit(9000, budget.Month)
	b := w.signedIn()
	b.asked("")
	w.setLimit(10, budget.Month) // in another tab
	requirePage(t, b.press("allow"), http.StatusConflict)
	require.Contains(t, b.page.text, "was changed meanwhile")
	require.Equal(t, months(10), w.limit())
	require.Equal(t, [3]string{"10", "month", ""}, b.preselected())
	b.granted(b.press("allow"))
	require.Equal(t, months(10), w.limit())
}

// The form of another session, of another site, or without a token of its own decides nothing.
func TestSomebodyElsesFormRaisesNothing(t *testing.T) {
	w := newWorld(t, withBudgets())
	w.setLimit(10, budget.Month)
	b := w.signedIn()
	b.asked("")
	action, fields := b.form("allow")
	fields.Set("limit-sat", "100000")
	stranger := w.signedIn() // the same user, in another browser
	stranger.asked("")
	_, theirs := stranger.form("allow")
	for name, forged := range map[string]url.Values{"the token of another session": theirs, "no token": {}} {
		sent := url.Values{}
		for field := range fields {
			sent.Set(field, fields.Get(field))
		}
		sent.Set("form_token", forged.Get("form_token"))
		a := b.follow(b.request(http.MethodPost, action, sent))
		require.NotContains(t, a.Header.Get("Location"), "code=", name)
		require.Equal(t, months(10), w.limit(), name)
	}
	a := b.request(http.MethodPost, action, fields, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
	require.Equal(t, http.StatusForbidden, a.StatusCode)
	require.Equal(t, months(10), w.limit())
}

// spend is what a gateway reports: a payment of app that was made.
func (w *world) spend(id string, amount int64) {
	w.Helper()
	_, _, err := w.config.Budgets.Reserve(w.Context(), registry.Spend{
		ID: id, Subject: subject, ClientID: "app", Unit: "sat", Route: "POST /payments/bolt11", Amount: amount, InquireAt: w.clock.Now(),
	})
	require.NoError(w, err)
	_, err = w.config.Budgets.Settle(w.Context(), id, registry.Outcome{State: registry.Posted, Cost: amount})
	require.NoError(w, err)
}

func TestTwoUnitsAreTwoBudgets(t *testing.T) {
	w := newWorld(t, func(c *authz.Config) {
		withBudgets()(c)
		c.SpendUnits["invoices:create"] = "cent"
	})
	b := w.signedIn()
	b.open(request("app", "scope", everything, "authorization_details",
		`[{"type":"spend","unit":"sat","limit":7,"period":"day"},{"type":"spend","unit":"cent","limit":8,"period":"week","max_payment":3}]`))
	_, fields := b.form("allow")
	require.Equal(t, []string{"7", "8", "", "3"}, []string{fields.Get("limit-sat"), fields.Get("limit-cent"), fields.Get("payment-sat"), fields.Get("payment-cent")})
	requirePage(t, b.press("allow", "limit-cent", "own", "own-cent", "x"), http.StatusBadRequest)
	b.press("allow", "limit-cent", "own", "own-cent", "6")
	require.Equal(t, budget.Limit{Most: 7, Period: budget.Day, MostAtOnce: -1}, w.limit())
	cents, err := w.registry.Budget(t.Context(), registry.BudgetKey{Subject: subject, ClientID: "app", Unit: "cent"})
	require.NoError(t, err)
	require.Equal(t, budget.Limit{Most: 6, Period: budget.Week, MostAtOnce: 3}, budget.LimitOf(cents))
	require.Equal(t, "invalid_request", w.refused("scope", everything, "max_amount", "5"), "of which unit is not said")
}
