package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCheckSaysWhatDoesNotFitTogether: such settings are no error, and the command succeeds.
func TestCheckSaysWhatDoesNotFitTogether(t *testing.T) {
	s := sqliteSite(t).with("GATEHOUSE_JWT_SECRET", hostSecret)
	file := filepath.Join(t.TempDir(), "config.yaml")
	var scopes []string
	check := func(settings string) (warnings []string) {
		require.NoError(t, os.WriteFile(file, []byte(settings+`
routes:
  - {path: /balance, methods: [GET], origin: "http://localhost:1", scope: "balance:read", description: Read., credential: none}
  - {path: /payments, methods: [POST], origin: "http://localhost:1", scope: "payments:send", description: Pay., credential: none}
  - {path: /invoices, methods: [POST], origin: "http://localhost:1", scope: "invoices:create", description: Pay., credential: none, risk: write}
`), 0o600))
		lines := strings.Split(strings.TrimSpace(s.ok("check", "--config", file)), "\n")
		require.Contains(t, lines[len(lines)-1], "no problems, 3 routes")
		scopes = lines[len(lines)-4 : len(lines)-1]
		return lines[:len(lines)-4]
	}
	const fits = "limits: {connections: 100, connections_per_address: 10}\n"
	require.Empty(t, check(fits+"upstream: {max_conns: 8, max_websockets: 8}"))
	require.Equal(t, []string{
		"scope balance:read: read, because GET /balance only reads, by its methods",
		"scope invoices:create: write, because POST /invoices says so",
		"scope payments:send: spend, because POST /payments is about payments, by its path",
	}, scopes)
	warnings := check(fits + "upstream: {max_conns: 8, max_conns_per_user: 8, max_websockets: 8}")
	require.Len(t, warnings, 1)
	require.Equal(t, "warning: upstream.max_conns_per_user: one user may take all 8 connections to an upstream", warnings[0])
}

// TestAServerSaysWhatDoesNotFitTogether: it goes on, here until it finds no database.
func TestAServerSaysWhatDoesNotFitTogether(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
upstream: {max_conns: 8, max_conns_per_user: 8}
routes:
  - {path: /balance, methods: [GET], origin: "http://localhost:1", scope: "balance:read", description: Read., credential: none}
`), 0o600))
	s := sqliteSite(t).with("GATEHOUSE_JWT_SECRET", hostSecret, "GATEHOUSE_CONFIG", file,
		"GATEHOUSE_DATABASE_URL", "postgres://someone@"+nowhere+"/gatehouse")
	e := s.run("serve")
	require.Equal(t, 1, e.code)
	require.Contains(t, e.stderr, `"warning":"upstream.max_conns_per_user: one user may take all 8 connections to an upstream"`)
	require.Contains(t, e.stderr, `"level":"WARN"`)
}
