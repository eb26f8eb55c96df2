package authz_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz"
	"gatehouse/authz/budget"
	"gatehouse/registry"
)

// withBudgets makes payments:send spend sat, and keysend:send too.
func withBudgets(change ...func(*budget.Ledger)) func(*authz.Config) {
	return func(c *authz.Config) {
		c.SpendUnits = map[string]string{"payments:send": "sat"}
		c.Budgets = &budget.Ledger{Registry: c.Registry, Default: budget.Unlimited, Now: c.Now}
		for _, f := range change {
			f(c.Budgets)
		}
	}
}

func asks(limit, period string) string {
	return `[{"type":"spend","unit":"sat","limit":` + limit + `,"period":"` + period + `"}]`
}

func (w *world) budgetOf(client string) registry.BudgetKey {
	return registry.BudgetKey{Subject: subject, ClientID: client, Unit: "sat"}
}

// limit is what app may spend, as the ledger has it.
func (w *world) limit() budget.Limit {
	w.Helper()
	b, _, err := w.config.Budgets.Of(w.Context(), w.budgetOf("app"))
	require.NoError(w, err)
	return budget.LimitOf(b)
}

func (w *world) setLimit(most int64, p budget.Period) {
	w.Helper()
	_, err := w.config.Budgets.Set(w.Context(), w.budgetOf("app"), budget.Limit{Most: most, Period: p, MostAtOnce: budget.NoLimit})
	require.NoError(w, err)
}

// granted are the authorization details of a token answer; empty: it has none.
func details(a answer) string {
	if a.json["authorization_details"] == nil {
		return ""
	}
	text, err := json.Marshal(a.json["authorization_details"])
	if err != nil {
		panic(err)
	}
	return string(text)
}

func months(most int64) budget.Limit {
	return budget.Limit{Most: most, Period: budget.Month, MostAtOnce: budget.NoLimit}
}

// refused is the error that the client is told by redirect.
func (w *world) refused(pairs ...string) string {
	w.Helper()
	a := w.post("/oauth/authorize", authorization("app", pairs...))
	require.Equal(w, http.StatusFound, a.StatusCode, a.text)
	location, err := a.Location()
	require.NoError(w, err)
	require.Empty(w, location.Query().Get("code"))
	return location.Query().Get("error")
}

func TestAProgramGetsTheBudgetThatItAsksFor(t *testing.T) {
	w := newWorld(t, withBudgets())
	tokens := w.tokens("scope", everything, "authorization_details", asks("5000", "month"))
	require.Equal(t, months(5000), w.limit())
	want := `[{"limit":5000,"max_payment":null,"period":"month","type":"spend","unit":"sat"}]`
	require.Equal(t, want, details(tokens))
	again := w.refresh(tokens.str("refresh_token"))
	require.Equal(t, want, details(again))
	require.Empty(t, details(w.refresh(again.str("refresh_token"), "scope", "balance:read")), "this token spends nothing")
	inspected := w.post("/oauth/introspect", form("token", again.str("access_token")), basic("other", appSecret))
	require.Equal(t, want, details(inspected))

	require.Equal(t, `{"authorization_details_types_supported":["spend"]}`, metadataOf(w, "authorization_details_types_supported"))
	require.Equal(t, `{}`, metadataOf(newWorld(t), "authorization_details_types_supported"))
}

func metadataOf(w *world, name string) string {
	a := w.get("/.well-known/oauth-authorization-server")
	only := map[string]any{}
	if value, ok := a.json[name]; ok {
		only[name] = value
	}
	text, err := json.Marshal(only)
	require.NoError(w, err)
	return string(text)
}

func TestTheShortFormOfWalletApplications(t *testing.T) {
	w := newWorld(t, withBudgets())
	w.tokens("scope", everything, "max_amount", "700", "budget_renewal", "weekly")
	require.Equal(t, budget.Limit{Most: 700, Period: budget.Week, MostAtOnce: budget.NoLimit}, w.limit())
	w.setLimit(9000, budget.None)
	w.tokens("scope", everything, "max_amount", "800", "authorization_details", asks("800", "none"))
	require.Equal(t, budget.Limit{Most: 800, Period: budget.None, MostAtOnce: budget.NoLimit}, w.limit())
	for _, pairs := range [][]string{
		{"max_amount", "0"}, {"max_amount", "-1"}, {"max_amount", "5.000"}, {"max_amount", "5,000"}, {"max_amount", "5e3"},
		{"max_amount", "100", "budget_renewal", "fortnightly"},
		{"max_amount", "801", "authorization_details", asks("800", "none")},
		{"max_amount", "800", "budget_renewal", "daily", "authorization_details", asks("800", "none")},
	} {
		require.Equal(t, "invalid_request", w.refused(append(pairs, "scope", everything)...), pairs)
	}
	require.Empty(t, details(w.tokens("scope", "balance:read", "max_amount", "x")), "nothing is spent")
}

func TestWhatCannotBeAskedFor(t *testing.T) {
	w := newWorld(t, withBudgets(func(l *budget.Ledger) { l.RefuseUnlimited = true }))
	for _, sent := range []string{
		"x", asks("null", "none"), asks("-1", "month"), asks(`"5000"`, "month"), strings.Replace(asks("1", "day"), "sat", "cent", 1),
		strings.Replace(asks("1", "day"), "spend", "pay", 1), asks(`1,"limit":5000`, "month"),
	} {
		require.Equal(t, "invalid_authorization_details", w.refused("scope", everything, "authorization_details", sent), sent)
	}
	require.Equal(t, "invalid_authorization_details", w.refused("scope", "balance:read", "authorization_details", asks("1", "day")),
		"these scopes spend nothing")
	b := w.signedIn()
	require.Equal(t, "invalid_authorization_details",
		b.sent(b.open(request("app", "scope", everything, "authorization_details", asks("null", "none")))).Get("error"))
	require.Equal(t, budget.Unlimited, w.limit(), "nothing was granted")

	none := newWorld(t)
	require.Equal(t, "invalid_authorization_details", none.refused("scope", everything, "authorization_details", asks("1", "day")),
		"nobody would hold the application to it")
}

// An authorization that no page showed never raises what the user has decided.
func TestAProgramCannotRaiseABudget(t *testing.T) {
	w := newWorld(t, withBudgets())
	w.setLimit(1000, budget.Month)
	for _, sent := range []string{
		asks("1001", "month"), asks("9007199254740991", "month"), asks("null", "none"), asks("1000", "day"), asks("500", "week"),
	} {
		tokens := w.tokens("scope", everything, "authorization_details", sent)
		require.Equal(t, months(1000), w.limit(), sent)
		require.Contains(t, details(tokens), `"limit":1000`, "it is told what it has")
	}
	w.tokens("scope", everything)
	require.Equal(t, months(1000), w.limit(), "asking for nothing changes nothing")
	w.tokens("scope", everything, "authorization_details", asks("400", "month"))
	require.Equal(t, months(400), w.limit())
	w.tokens("scope", everything, "authorization_details", asks("1000", "month"))
	require.Equal(t, months(400), w.limit(), "and is not raised back")
}

func TestWithoutAskingTheDefaultHolds(t *testing.T) {
	w := newWorld(t, withBudgets())
	require.Empty(t, details(w.tokens("scope", everything)), "as before there were budgets")
	_, exists, err := w.config.Budgets.Of(t.Context(), w.budgetOf("app"))
	require.NoError(t, err)
	require.False(t, exists)

	w = newWorld(t, withBudgets(func(l *budget.Ledger) { l.Default = months(300) }))
	require.Contains(t, details(w.tokens("scope", everything)), `"limit":300`)
	own := w.post("/oauth/token", form("grant_type", "client_credentials", "scope", everything), basic("service", appSecret))
	require.Empty(t, details(own), "without a user there is nothing to spend")
	require.JSONEq(t, "{}", w.get("/oauth/budget", header("Authorization", "Bearer "+own.str("access_token"))).text)
}

func TestPromptNoneAsksForNoMoreThanThereIs(t *testing.T) {
	w := newWorld(t, withBudgets())
	b := w.signedIn()
	silently := func(pairs ...string) url.Values {
		t.Helper()
		return b.sent(b.open(request("app", append([]string{
			"prompt", "none", "scope", everything, "code_challenge", verifier, "code_challenge_method", "plain",
		}, pairs...)...)))
	}
	w.tokens("scope", everything) // from before budgets
	require.NotEmpty(t, silently().Get("code"))
	require.Equal(t, "consent_required", silently("authorization_details", asks("1", "month")).Get("error"), "the user was never asked")
	w.setLimit(1000, budget.Month)
	for _, sent := range []string{asks("1001", "month"), asks("1000", "week"), asks("null", "none")} {
		require.Equal(t, "consent_required", silently("authorization_details", sent).Get("error"), sent)
	}
	require.Equal(t, "consent_required", silently("max_amount", "5000").Get("error"))
	require.NotEmpty(t, silently("authorization_details", asks("900", "month")).Get("code"))
	require.Equal(t, months(1000), w.limit(), "nobody has decided anything")
}
