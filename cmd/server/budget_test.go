package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/registry"
)

// ledger is what a server that shares the site's database works on.
func (s site) ledger() *budget.Ledger {
	s.Helper()
	db, err := registry.Open(s.Context(), s.env["GATEHOUSE_DATABASE_URL"])
	require.NoError(s, err)
	s.Cleanup(func() { require.NoError(s, db.Close()) })
	return &budget.Ledger{Registry: db, Default: budget.Unlimited}
}

func TestAnOperatorSetsABudgetAndResolvesPayments(t *testing.T) {
	onEachMigrated(t, func(t *testing.T, s site) {
		client := s.createClient()["clientId"].(string)
		require.Equal(t, []map[string]any{}, s.list("budget", "show", "--subject", "42"))
		set := s.object("budget", "set", "--subject", "42", "--client", client, "--unit", "sat", "--limit", "100", "--period", "none",
			"--max-payment", "60", "--actor", "a person")
		require.Equal(t, map[string]any{
			"subject": "42", "client_id": client, "unit": "sat", "limit": 100.0, "period": "none", "max_payment": 60.0,
			"spent": 0.0, "held": 0.0, "remaining": 100.0, "renews_at": nil,
		}, set)

		ledger := s.ledger()
		for _, id := range []string{"first", "second", "under way"} {
			_, _, err := ledger.Reserve(t.Context(), registry.Spend{
				ID: id, Subject: "42", ClientID: client, Unit: "sat", Once: "hash of " + id, Route: "POST /pay", Amount: 30,
				InquireAt: time.Now().Add(time.Minute),
			})
			require.NoError(t, err)
			if id != "under way" {
				_, err = ledger.Settle(t.Context(), id, registry.Outcome{State: registry.Unknown, InquireAt: time.Now().Add(time.Hour)})
				require.NoError(t, err)
			}
		}
		require.Regexp(t, `(?m)^`+client+` +sat +100 +none +60 +0 +90 +10 +never$`, s.ok("budget", "show", "--subject", "42", "--client", client))
		require.Equal(t, []map[string]any{}, s.list("budget", "show", "--subject", "42", "--client", "other"))

		unknown := s.list("spend", "list", "--unknown", "--limit", "1")
		require.Len(t, unknown, 1)
		require.Equal(t, "first", unknown[0]["id"], "the oldest first")
		next := s.list("spend", "list", "--unknown", "--after", "first")
		require.Len(t, next, 1)
		require.Equal(t, "second", next[0]["id"])
		require.Contains(t, s.run("spend", "list", "--unknown", "--limit", "1").stderr, "--after first")
		s.refused(2, `no payment "none"`, "spend", "list", "--unknown", "--after", "none")
		all := s.ok("spend", "list", "--subject", "42", "--client", client)
		require.Regexp(t, `(?s)under way .* held .*second .* unknown .*first .* unknown `, all, "the newest first")
		require.Contains(t, all, "hash of first")

		resolved := s.object("spend", "resolve", "first", "--posted", "31", "--yes", "--actor", "a person")
		require.Equal(t, "posted", resolved["state"])
		require.Equal(t, 31.0, resolved["cost"])
		s.ok("spend", "resolve", "first", "--posted", "31", "--yes")
		s.refused(1, `payment "first" is posted already, at a cost of 31`, "spend", "resolve", "first", "--voided", "--yes")
		s.refused(1, "may be in flight", "spend", "resolve", "under way", "--voided", "--yes")
		require.Equal(t, "voided", s.object("spend", "resolve", "second", "--voided", "--yes")["state"])
		s.refused(3, `payment "none": not found`, "spend", "resolve", "none", "--voided", "--yes")
		require.Empty(t, s.list("spend", "list", "--unknown"))

		shown := s.list("budget", "show", "--subject", "42")[0]
		require.Equal(t, []any{31.0, 30.0, 39.0}, []any{shown["spent"], shown["held"], shown["remaining"]})
		unlimited := s.object("budget", "set", "--subject", "42", "--client", client, "--unit", "sat", "--limit", "none")
		require.Equal(t, []any{nil, nil, "none", 31.0}, []any{unlimited["limit"], unlimited["remaining"], unlimited["period"], unlimited["spent"]})
		s.refused(3, `client "nobody": not found`, "budget", "set", "--subject", "42", "--client", "nobody", "--unit", "sat", "--limit", "none")
		s.with("GATEHOUSE_BUDGETS_ALLOW_UNLIMITED", "false", "GATEHOUSE_BUDGETS_DEFAULT_LIMIT", "1").
			refused(2, "a limit is required", "budget", "set", "--subject", "42", "--client", client, "--unit", "sat", "--limit", "none")
		require.Equal(t, []string{"budget.set 42", "spend.settle second", "spend.settle first", "budget.set 42", "client.create " + client}, s.audit())
		record := s.list("audit", "list")[2]
		require.Equal(t, "a person", record["actor"])
		require.Equal(t, "posted, 31 of 30 sat; subject 42, client "+client, record["detail"])
	})
}

func TestAUnitThatNoRouteSpendsIsAMistake(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	client := s.createClient()["clientId"].(string)
	s = s.withFile(`
routes:
  - path: /pay
    methods: [POST]
    origin: "http://localhost:3000"
    scope: "payments:send"
    description: Pay.
    credential: none
    spend: {unit: sat, cost: "fixed:1"}
`)
	s.refused(2, `no route spends "sats", but sat`, "budget", "set", "--subject", "42", "--client", client, "--unit", "sats", "--limit", "1", "--period", "day")
	s.ok("budget", "set", "--subject", "42", "--client", client, "--unit", "sat", "--limit", "1", "--period", "day")
}
