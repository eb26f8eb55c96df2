package authz_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
)

func (w *world) put(path, body string, options ...option) answer {
	w.Helper()
	return w.do(http.MethodPut, w.url+path, "application/json", strings.NewReader(body), options...)
}

func TestTheHostApplicationChangesABudget(t *testing.T) {
	w, _, _ := spendingWorld(t)
	w.spend("p1", 3000)
	user := w.as(12345)
	a := w.put("/clients/app/budget", `{"limit":8000,"period":"month","max_payment":500}`, user)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	want := `{"unit":"sat","limit":8000,"period":"month","max_payment":500,"spent":3000,"held":0,"remaining":5000,"renews_at":"2030-02-01T00:00:00Z"}`
	require.JSONEq(t, want, a.text)
	require.Equal(t, budget.Limit{Most: 8000, Period: budget.Month, MostAtOnce: 500}, w.limit())
	var listed []map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(w.get("/clients", user).text), &listed))
	require.JSONEq(t, "["+want+"]", string(listed[0]["budgets"]))

	a = w.put("/clients/app/budget", `{"unit":"sat","limit":null}`, user)
	require.JSONEq(t, `{"unit":"sat","limit":null,"period":"none","max_payment":null,"spent":3000,"held":0,"remaining":null,"renews_at":null}`, a.text)

	before := w.limit()
	for _, bad := range []string{
		"", "5", "[]", "{}", `{"period":"month"}`, `{"limit":"5"}`, `{"limit":-1}`, `{"limit":1.5}`, `{"limit":1e3}`, `{"limit":9007199254740992}`,
		`{"limit":1,"limit":2}`, `{"Limit":1}`, `{"limit":1,"unit":"cent"}`, `{"limit":1,"type":"spend"}`, `{"limit":1,"subject":"99"}`,
		`{"limit":1,"max_payment":0}`, `{"limit":1,"period":"fortnight"}`, `{"limit":1} x`,
	} {
		w.requireError(w.put("/clients/app/budget", bad, user), http.StatusBadRequest, "invalid_request")
	}
	w.requireError(w.put("/clients/other/budget", `{"limit":1}`, user), http.StatusNotFound, "not_found")
	w.requireError(w.put("/clients/app/budget", `{"limit":1}`, w.as(99)), http.StatusNotFound, "not_found")
	w.requireError(w.put("/clients/a%00b/budget", `{"limit":1}`, user), http.StatusNotFound, "not_found")
	w.requireError(w.put("/clients/app/budget", `{"limit":1}`), http.StatusUnauthorized, "access_denied")
	require.Equal(t, before, w.limit())

	w.config.Budgets.RefuseUnlimited = true
	w.requireError(w.put("/clients/app/budget", `{"limit":null}`, user), http.StatusBadRequest, "invalid_request")
}

func TestTheApplicationSeesItsOwnBudget(t *testing.T) {
	w, b, token := spendingWorld(t)
	w.spend("p1", 3000)
	w.hold("p2", 500)
	bearer := header("Authorization", "Bearer "+token)
	a := w.get("/oauth/budget", bearer)
	require.Equal(t, http.StatusOK, a.StatusCode, a.text)
	require.JSONEq(t, `{"used_budget":3000,"total_budget":5000,"held":500,"renews_at":1896134400,"renewal_period":"monthly","unit":"sat"}`, a.text)
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	require.JSONEq(t, "{}", w.get("/oauth/budget?unit=cent", bearer).text)
	w.requireError(w.get("/oauth/budget"), http.StatusUnauthorized, "invalid_token")
	w.requireError(w.get("/oauth/budget", header("Authorization", "Bearer "+token+"x")), http.StatusUnauthorized, "invalid_token")
	w.requireError(w.post("/oauth/budget", nil, bearer), http.StatusMethodNotAllowed, "method_not_allowed")

	reads := w.tokens("scope", "balance:read").str("access_token")
	require.JSONEq(t, "{}", w.get("/oauth/budget", header("Authorization", "Bearer "+reads)).text, "this one spends nothing")
	theirs := w.post("/oauth/token", redemption(w.code("other", "scope", everything)), basic("other", appSecret)).str("access_token")
	require.JSONEq(t, "{}", w.get("/oauth/budget", header("Authorization", "Bearer "+theirs)).text, "another application has its own")
	own := w.post("/oauth/token", form("grant_type", "client_credentials", "scope", everything), basic("service", appSecret)).str("access_token")
	require.JSONEq(t, "{}", w.get("/oauth/budget", header("Authorization", "Bearer "+own)).text, "without a user there is nothing to spend")

	w.setLimit(5000, budget.None)
	require.JSONEq(t, `{"used_budget":3000,"total_budget":5000,"held":500,"renewal_period":"never","unit":"sat"}`, w.get("/oauth/budget", bearer).text)
	_, err := w.config.Budgets.Set(t.Context(), w.budgetOf("app"), budget.Unlimited)
	require.NoError(t, err)
	require.JSONEq(t, "{}", w.get("/oauth/budget", bearer).text, "as NIP-47 has it")
	b.open("/account/disconnect?client=app")
	b.press("disconnect")
	w.requireError(w.get("/oauth/budget", bearer), http.StatusUnauthorized, "invalid_token")
}
