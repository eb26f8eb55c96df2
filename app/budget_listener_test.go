package app_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
)

const budgetToken = "the token that gateways and authz have"

func budgetConfig(t *testing.T) config.Config {
	cfg := testConfig(echoUpstream(t))
	cfg.Budgets.Listen, cfg.Budgets.Token = "127.0.0.1:0", budgetToken
	cfg.Budgets.Default.Limit = 10
	return cfg
}

func (r *running) askForBudget(id, amount string) answer {
	r.t.Helper()
	body := `{"id":"` + id + `","subject":"ann","client_id":"app","unit":"sat","once":"","route":"POST /pay","lookup":"","amount":` + amount +
		`,"within_ms":1000}`
	return r.do(http.MethodPost, "http://"+r.app.BudgetAddr().String()+"/spends", strings.NewReader(body), bearer(budgetToken))
}

func TestGatewaysOnTheirOwnAreAnsweredAboutBudgets(t *testing.T) {
	cfg := budgetConfig(t)
	cfg.RedisURL = privateRedis(t)
	authz := startRole(t, cfg, config.AuthzOnly)
	require.Equal(t, http.StatusCreated, authz.askForBudget("1", "6").status)
	exceeded := authz.askForBudget("2", "5")
	require.Equal(t, http.StatusForbidden, exceeded.status)
	require.Contains(t, exceeded.body, `"limit":10,"remaining":4`, "the default holds where nobody was asked")
	require.Equal(t, http.StatusNotFound, authz.do(http.MethodPost, authz.public+"/spends", nil, bearer(budgetToken)).status, "it is for gateways")

	gateway := startRole(t, gatewayConfig(cfg, authz), config.GatewayOnly)
	require.Nil(t, gateway.app.BudgetAddr(), "it keeps no budgets")
}

// A gateway that is stopping settles what it has reserved: the listener for that goes last.
func TestBudgetsAreAnsweredWhileRequestsAreInFlight(t *testing.T) {
	upstream := heldUpstream(t)
	cfg := budgetConfig(t)
	cfg.Routes[0].Origin = upstream.URL()
	r := start(t, cfg)
	token := r.consent(r.register(), 1, "balance:read").access
	answered := make(chan answer, 1)
	go func() { defer close(answered); answered <- r.balance(token) }()
	upstream.Only()

	budgets := r.app.BudgetAddr().String()
	while := *r
	stopped := r.stopping(t.Context())
	while.awaitDraining()
	require.Equal(t, http.StatusCreated, while.askForBudget("1", "6").status)
	upstream.Release()
	require.Equal(t, http.StatusOK, (<-answered).status)
	require.NoError(t, await(t, stopped))
	_, err := net.DialTimeout("tcp", budgets, time.Second)
	require.Error(t, err)
}
