package authz_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/registry"
)

const changeOfApp = "/account/budget?client=app&unit=sat"

// spendingWorld has a browser whose user allows app 5,000 sat a month, and its access token.
func spendingWorld(t *testing.T, change ...func(*budget.Ledger)) (*world, *browser, string) {
	w := newWorld(t, withBudgets(change...))
	b := w.signedIn()
	b.asked(asks("5000", "month"))
	token := w.redeem(b.sent(b.press("allow")).Get("code"))
	require.Equal(t, http.StatusOK, token.StatusCode, token.text)
	return w, b, token.str("access_token")
}

// hold is a payment of app that is under way.
func (w *world) hold(id string, amount int64) {
	w.Helper()
	_, _, err := w.config.Budgets.Reserve(w.Context(), registry.Spend{
		ID: id, Subject: subject, ClientID: "app", Unit: "sat", Route: "POST /payments/bolt11", Amount: amount, InquireAt: w.clock.Now(),
	})
	require.NoError(w, err)
}

func TestTheUserSeesWhatAnApplicationSpends(t *testing.T) {
	w, b, _ := spendingWorld(t)
	requirePage(t, b.open("/account/applications"), http.StatusOK)
	require.Contains(t, b.page.text, "May spend 5,000\u00a0sat a month")
	require.Contains(t, b.page.text, "0\u00a0sat spent, 5,000\u00a0sat left.")
	require.Contains(t, b.page.text, "Begins anew on 1 February 2030.")
	w.spend("p1", 2000)
	w.hold("p2", 1000)
	b.reload()
	require.Contains(t, b.page.text, "2,000\u00a0sat spent, 1,000\u00a0sat being paid, 2,000\u00a0sat left.")
	require.Contains(t, b.page.text, `<rect class="bar-spent" width="400" height="12"/><rect class="bar-held" x="400" width="200" height="12"/>`)
	w.clock.Set(time.Date(2030, 2, 1, 0, 0, 0, 0, time.UTC))
	b.open("/account")
	b.signIn("login", "password")
	require.Contains(t, b.open("/account/applications").text, "0\u00a0sat spent, 5,000\u00a0sat left.", "a new month")
	require.Contains(t, b.page.text, "Begins anew on 1 March 2030.")
	w.setLimit(0, budget.None)
	require.Contains(t, b.reload().text, "May spend 0\u00a0sat in all")
	require.NotContains(t, b.page.text, "Begins anew")

	b.open(request("other", "scope", "balance:read"))
	b.press("allow")
	require.Equal(t, 1, strings.Count(b.open("/account/applications").text, `class="spending"`), "this one spends nothing")
}

// A month of the ledger's zone begins on its first day, whatever day that is elsewhere.
func TestADayIsThatOfTheBudgetsZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	_, b, _ := spendingWorld(t, func(l *budget.Ledger) { l.Zone = berlin })
	require.Contains(t, b.open("/account/applications").text, "Begins anew on 1 February 2030.")
}

func TestTheUserChangesABudget(t *testing.T) {
	w, b, token := spendingWorld(t)
	w.spend("p1", 3000)
	requirePage(t, b.open("/account/applications"), http.StatusOK)
	require.Contains(t, b.page.text, `href="`+unescapeNot(changeOfApp)+`" aria-label="Change what An App may spend"`)
	requirePage(t, b.open(changeOfApp), http.StatusOK)
	require.Contains(t, b.page.text, "3,000\u00a0sat spent, 2,000\u00a0sat left.")
	requirePage(t, b.press("save", "limit-sat", "own", "own-sat", "8,000", "payment-sat", "500"), http.StatusOK)
	require.Contains(t, b.page.text, "It is changed how much An App may spend.")
	require.Contains(t, b.page.text, "May spend 8,000\u00a0sat a month, at most 500\u00a0sat for each payment")
	require.Contains(t, b.page.text, "3,000\u00a0sat spent, 5,000\u00a0sat left.")
	require.NoError(t, w.denied(token), "the access goes on")

	b.open(changeOfApp)
	requirePage(t, b.press("save", "limit-sat", "own", "own-sat", "8.000", "period-sat", "week"), http.StatusBadRequest)
	_, fields := b.form("save")
	require.Equal(t, []string{"own", "8.000", "week"}, []string{fields.Get("limit-sat"), fields.Get("own-sat"), fields.Get("period-sat")})
	require.EqualValues(t, 8000, w.limit().Most)
	requirePage(t, b.reload(), http.StatusOK)
	b.press("save", "limit-sat", "1000", "payment-sat", "")
	require.Contains(t, b.page.text, "3,000\u00a0sat spent, 0\u00a0sat left.")
	b.open(changeOfApp)
	b.press("save", "limit-sat", "none")
	require.Contains(t, b.page.text, "May spend any amount")
	require.Contains(t, b.page.text, "3,000\u00a0sat spent so far.")
	require.NotContains(t, b.page.text, "<svg")
	b.open(changeOfApp)
	require.Equal(t, "none", func() string { _, f := b.form("save"); return f.Get("limit-sat") }())
}

func unescapeNot(link string) string { return strings.ReplaceAll(link, "&", "&amp;") }

func TestDisconnectingKeepsTheBudget(t *testing.T) {
	w, b, _ := spendingWorld(t)
	w.spend("p1", 3000)
	b.open("/account/disconnect?client=app")
	b.press("disconnect")
	requirePage(t, b.open(changeOfApp), http.StatusOK)
	require.Contains(t, b.page.text, "No application has access", "there is nothing to change")
	b.asked("")
	require.Contains(t, b.page.text, "Spent already: 3,000\u00a0sat.")
	b.granted(b.press("allow"))
	now, _, err := w.config.Budgets.Of(t.Context(), w.budgetOf("app"))
	require.NoError(t, err)
	require.EqualValues(t, 2000, now.Left())
}

func TestOnlyTheUsersOwnFormChangesABudget(t *testing.T) {
	w, b, _ := spendingWorld(t)
	b.open(changeOfApp)
	action, fields := b.form("save")
	fields.Set("limit-sat", "100000")
	send := func(name, value string, options ...option) answer {
		t.Helper()
		before := fields.Get(name)
		fields.Set(name, value)
		defer fields.Set(name, before)
		return b.request(http.MethodPost, action, fields, options...)
	}
	stranger := w.signedIn()
	stranger.open(changeOfApp)
	_, theirs := stranger.form("save")
	send("form_token", theirs.Get("form_token"))
	send("form_token", "")
	send("client", "other")
	send("unit", "cent")
	send("unit", "")
	a := send("x", "x", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
	require.Equal(t, http.StatusForbidden, a.StatusCode)
	a = w.post("/account/budget", fields, asBrowser, header("Origin", w.url))
	require.Equal(t, http.StatusSeeOther, a.StatusCode, "nobody is signed in there")
	require.Equal(t, months(5000), w.limit())

	w.setLimit(7, budget.Month) // in another tab
	requirePage(t, b.press("save", "limit-sat", "100000"), http.StatusConflict)
	require.Equal(t, months(7), w.limit())
	for _, path := range []string{"/account/budget", "/account/budget?client=app", "/account/budget?client=other&unit=sat", "/account/budget?client=app&unit=cent"} {
		requirePage(t, b.open(path), http.StatusOK)
		require.Contains(t, b.page.text, "These applications have access", path)
	}
	require.Equal(t, http.StatusNotFound, newWorld(t).get("/account/budget", asBrowser).StatusCode, "where nothing is spent")
}

func TestTheUserSeesThePayments(t *testing.T) {
	w, b, _ := spendingWorld(t)
	requirePage(t, b.open("/account/payments?client=app"), http.StatusOK)
	require.Contains(t, b.page.text, "Nothing was paid.")
	for i := range 43 {
		w.spend(fmt.Sprintf("p%02d", i), int64(10+i))
		w.clock.Advance(time.Minute)
	}
	w.hold("held", 70)
	w.clock.Advance(time.Minute)
	w.hold("unknown", 71)
	_, err := w.config.Budgets.Settle(t.Context(), "unknown", registry.Outcome{State: registry.Unknown, InquireAt: w.clock.Now()})
	require.NoError(t, err)
	w.clock.Advance(time.Minute)
	w.hold("voided", 72)
	_, err = w.config.Budgets.Settle(t.Context(), "voided", registry.Outcome{State: registry.Voided})
	require.NoError(t, err)
	_, _, err = w.config.Budgets.Reserve(t.Context(), registry.Spend{ID: "foreign", Subject: "99", ClientID: "app", Unit: "sat", Amount: 666, InquireAt: w.clock.Now()})
	require.NoError(t, err)

	pages := [][]string{}
	for path := "/account/payments?client=app"; ; {
		requirePage(t, b.open(path), http.StatusOK)
		var shown []string
		for _, payment := range payments.FindAllStringSubmatch(b.page.text, -1) {
			shown = append(shown, payment[1]+" "+payment[2])
		}
		pages = append(pages, shown)
		next := regexp.MustCompile(`id="next" href="([^"]*)"`).FindStringSubmatch(b.page.text)
		if next == nil {
			break
		}
		path = unescape(next[1])
	}
	require.Equal(t, []int{20, 20, 6}, []int{len(pages[0]), len(pages[1]), len(pages[2])})
	require.Equal(t, []string{"<s>72\u00a0sat</s> Not paid", "71\u00a0sat Not known yet", "70\u00a0sat Being paid", "52\u00a0sat Paid"}, pages[0][:4])
	require.Equal(t, "10\u00a0sat Paid", pages[2][5])
	require.Contains(t, b.page.text, "POST /payments/bolt11")
	require.Regexp(t, `\d January 2030, \d\d:\d\d`, b.page.text)
	require.Contains(t, b.open("/account/payments?client=app&after=foreign").text, "72\u00a0sat", "another's says nothing")
	require.Contains(t, b.open("/account/payments?client=other").text, "These applications have access")
}

var payments = regexp.MustCompile(`<strong>(.*?)</strong> <span class="state[^"]*">([^<]*)<`)
