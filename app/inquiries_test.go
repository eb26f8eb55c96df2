package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway"
)

// An authorization server on its own finds out what became of the payments of gateways that died, and shows what it cannot.
func TestAnAuthorizationServerFindsOutWhatBecameOfPayments(t *testing.T) {
	askedAs := make(chan string, 10)
	wallet := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key, ok := strings.CutPrefix(r.URL.Path, "/v2/payments/"); ok {
			askedAs <- key + " " + r.Header.Get("X-Gatehouse-Subject")
			_, _ = fmt.Fprint(w, `{"state":"settled","amount":12}`)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(wallet.Close)
	cfg := budgetConfig(t)
	cfg.DatabaseURL = config.SecretURL("sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"))
	cfg.RedisURL = privateRedis(t)
	cfg.Budgets.Default.Limit = 100
	cfg.Routes = []gateway.Route{{
		Path: "/pay", Methods: []string{"POST"}, Origin: wallet.URL + "/v2", Scope: "payments:send", Description: "Pay.", Credential: "headers",
		Spend: &gateway.Spending{
			Unit: "sat", Cost: "json:/amount", Key: "header:Idempotency-Key",
			Lookup: &gateway.Lookup{Path: "/payments/{key}", State: "/state", Posted: []string{"settled"}, Cost: []string{"/amount"}},
		},
	}}
	authz := startRole(t, cfg, config.AuthzOnly)
	hold := func(id, route, lookup string) {
		body := fmt.Sprintf(`{"id":%q,"subject":"ann","client_id":"app","unit":"sat","once":"","route":%q,"lookup":%q,"amount":10,"within_ms":1}`,
			id, route, lookup)
		held := authz.do(http.MethodPost, "http://"+authz.app.BudgetAddr().String()+"/spends", strings.NewReader(body), bearer(budgetToken))
		require.Equal(t, http.StatusCreated, held.status, held.body)
	}
	state := func(id string) string {
		s, err := authz.app.Registry().Spend(t.Context(), id)
		require.NoError(t, err)
		return fmt.Sprint(s.State, " ", s.Cost)
	}
	hold("known", "POST /pay", "key")
	require.Eventually(t, func() bool { return state("known") == "posted 12" }, startTimeout, 10*time.Millisecond)
	require.Equal(t, "key ann", <-askedAs)
	require.EqualValues(t, 1, authz.scrape()["gatehouse_budget_above_held_total"], "10 were held")

	hold("gone", "POST /of/another/configuration", "key")
	require.Eventually(t, func() bool { return state("gone") == "unknown 0" }, startTimeout, 10*time.Millisecond)
	require.Contains(t, authz.askForBudget("more", "79").body, `"remaining":78`, "it may have been made")

	authz.stop() // which looks at all of them when it starts
	authz = startRole(t, cfg, config.AuthzOnly)
	require.Eventually(t, func() bool { return authz.scrape()["gatehouse_budget_payments_unknown"] == 1 }, startTimeout, 10*time.Millisecond)
	seen := authz.scrape()
	require.Zero(t, seen["gatehouse_budget_payments_held"])
	require.Contains(t, seen, "gatehouse_budget_unknown_age_seconds")
}
