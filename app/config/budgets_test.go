package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/app/config"
	"gatehouse/gateway"
)

func TestEveryMistakeInBudgetsIsReportedAtOnce(t *testing.T) {
	_, err := config.Load(writeFile(t, "config.yaml", validYAML+`
budgets:
  listen: "0.0.0.0:8083"
  timeout: 1m
  default: {limit: -1, period: fortnight, max_payment: 9007199254740992}
  time_zone: Europe/Nowhere
  alignment: moon
  keep: 8760h
`), config.Both, nil)
	require.Equal(t, []string{
		"budgets.timeout: must be 10ms to 30s, not 1m0s",
		`budgets.token: is required because budgets.listen "0.0.0.0:8083" is not a loopback address`,
		"budgets.default.limit: must be 0 to 9007199254740991, not -1",
		"budgets.default.max_payment: must be 0 to 9007199254740991, not 9007199254740992",
		`budgets.default.period: must be one of day, week, month, year, none, not "fortnight"`,
		`budgets.time_zone: must be a name of the time zone database such as UTC or Europe/Berlin, not "Europe/Nowhere"`,
		`budgets.alignment: must be one of calendar, consent, not "moon"`,
		"budgets.keep: must be at least 8808h0m0s, not 8760h0m0s",
	}, problems(err))
}

func TestEachMistakeInBudgetsIsFound(t *testing.T) {
	for name, test := range map[string]struct{ yaml, want string }{
		"an address that is none":     {"listen: '127.0.0.1:http'", "budgets.listen: must be"},
		"a token that can be guessed": {"token: hunter2", "budgets.token: has fewer than 32 bytes"},
		"no limit where one must be":  {"allow_unlimited: false", "budgets.default.limit: is required"},
		"the machine's own zone":      {"time_zone: Local", "budgets.time_zone"},
		"no zone":                     {`time_zone: ""`, "budgets.time_zone"},
		"half a satoshi":              {"default: {limit: 0.5}", "want a whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(writeFile(t, "config.yaml", validYAML+"\nbudgets: {"+test.yaml+"}\n"), config.Both, nil)
			require.Len(t, problems(err), 1, "%s", err)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestBudgetsAreConfiguredByTheEnvironment(t *testing.T) {
	token := strings.Repeat("t", 32)
	cfg, err := config.Load(writeFile(t, "config.yaml", validYAML), config.Both, environment(map[string]string{
		"GATEHOUSE_BUDGETS_LISTEN": ":8083", "GATEHOUSE_BUDGETS_TOKEN": token, "GATEHOUSE_BUDGETS_ALLOW_UNLIMITED": "false",
		"GATEHOUSE_BUDGETS_DEFAULT_LIMIT": "9007199254740991", "GATEHOUSE_BUDGETS_TIME_ZONE": "America/Sao_Paulo",
	}))
	require.NoError(t, err)
	require.EqualValues(t, 9007199254740991, cfg.Budgets.Default.Limit)
	require.Equal(t, token, cfg.Budgets.Token.Reveal())
	_, err = config.Load(writeFile(t, "config.yaml", validYAML), config.Both, environment(map[string]string{
		"GATEHOUSE_BUDGETS_DEFAULT_LIMIT": "9223372036854775808",
	}))
	require.ErrorContains(t, err, "environment GATEHOUSE_BUDGETS_DEFAULT_LIMIT: want a whole number")
}

// A gateway on its own needs somebody to ask only for routes that spend.
func TestAGatewayOnItsOwnIsToldWhereToAsk(t *testing.T) {
	cfg := config.Default()
	cfg.JWTSecret, cfg.Keys.JWKSURL, cfg.DatabaseURL = "host-application-secret", "http://localhost:1/jwks.json", ""
	cfg.Routes = []gateway.Route{{
		Path: "/pay", Methods: []string{"POST"}, Origin: "http://localhost:1", Scope: "payments:send", Credential: "lndhub",
		FirstByteTimeout: 5 * time.Minute,
	}}
	cfg.Budgets.Keep, cfg.Budgets.TimeZone = 0, "nowhere"
	require.NoError(t, cfg.Validate(config.GatewayOnly), "what only an authorization server keeps")
	cfg.Routes[0].Spend = &gateway.Spending{Unit: "sat", Cost: "fixed:1"}
	requireProblem := func(want string) {
		t.Helper()
		require.ErrorContains(t, cfg.Validate(config.GatewayOnly), want)
	}
	requireProblem("budgets.url: is required")
	cfg.Budgets.URL = "authz.internal:8083"
	requireProblem("budgets.url: must be an http or https URL")
	cfg.Budgets.URL = "http://authz.internal:8083"
	requireProblem("budgets.token: is required")
	cfg.Budgets.Token = config.Secret(strings.Repeat("t", 32))
	require.NoError(t, cfg.Validate(config.GatewayOnly))
}
