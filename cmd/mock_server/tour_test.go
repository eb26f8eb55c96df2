package main

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// paste runs the commands one after another in one shell, from its standard input as a terminal's, and returns what each
// of them printed.
func paste(t *testing.T, shell string, commands []step) map[string]string {
	t.Helper()
	const mark = "\n=== "
	var script strings.Builder
	for _, s := range commands {
		script.WriteString("printf '" + `\n=== ` + s.name + `\n` + "'\n" + s.command + "\n")
	}
	session := exec.CommandContext(t.Context(), shell)
	session.Env = append(session.Environ(), "NO_PROXY=localhost,127.0.0.1")
	session.Stdin = strings.NewReader(script.String())
	output, err := session.CombinedOutput()
	require.NoError(t, err, "%s", output)

	printed := map[string]string{}
	for _, part := range strings.Split(string(output), mark)[1:] {
		name, text, _ := strings.Cut(part, "\n")
		printed[name] = strings.TrimSpace(text)
	}
	return printed
}

const (
	opaque    = `[A-Za-z0-9_-]{20,}`
	tokenPair = `^\{"access_token":"[\w-]+\.[\w-]+\.[\w-]+",.*"refresh_token":"` + opaque + `"`
)

// tourPrints is what each step of the tour prints when it does what it says.
var tourPrints = map[string]string{
	"variables":            `^$`,
	"printed-token":        `^\{"balance":\d+,"currency":"BTC","unit":"sat"\}$`,
	"authorize":            `^` + opaque + `$`,
	"exchange":             tokenPair,
	"balance":              `^\{"balance":\d+,`,
	"create-invoice":       `"payment_hash":"[0-9a-f]{64}".*"amount":1000,`,
	"invoice":              `"description":"Lunch".*"amount":1000,.*"is_paid":false`,
	"pay":                  `"amount":2500,"fee":\d+,.*"payment_preimage":"[0-9a-f]{64}"`,
	"keysend":              `"amount":21,"fee":\d+,.*"payment_preimage":"[0-9a-f]{64}"`,
	"balance-after":        `^\{"balance":\d+,`,
	"introspect":           `^\{"active":true,.*"sub":"12345"`,
	"introspect-own":       `^\{"client_id":"id","redirect_uri":"http://localhost:8080","scopes":\{.*"balance:read":"Read`,
	"refresh":              tokenPair,
	"refreshed-balance":    `^\{"balance":\d+,`,
	"revoke":               `^200$`,
	"revoked-balance":      `^HTTP/1.1 401 (?s:.*)"error":"invalid_token"`,
	"revoked-introspect":   `^\{"active":false\}$`,
	"public-authorize":     `^` + opaque + `$`,
	"public-exchange":      tokenPair,
	"client-credentials":   `^\{"access_token":"[\w-]+\.[\w-]+\.[\w-]+",`,
	"applications":         `"id":"public".*"id":"id"`,
	"disconnect":           `^204$`,
	"disconnected-refresh": `^\{"error":"invalid_grant",`,
	"scopes":               `"payments:send":"Send`,
	"jwks":                 `^\{"keys":\[\{.*"alg":"ES256".*\}\]\}$`,
	"metadata":             `"token_endpoint":"http://localhost:\d+/oauth/token"`,
	"create-client":        `"clientId":"` + `[\w-]+` + `","clientSecret":"` + opaque + `","name":"My application"`,
	"list-clients":         `"id":"test_client".*"name":"My application"`,
}

func TestEveryPrintedCommandDoesWhatItSays(t *testing.T) {
	for _, shell := range []string{"bash", "sh"} {
		t.Run(shell, func(t *testing.T) {
			printed := paste(t, shell, startMock(t).Commands)
			require.Len(t, printed, len(tourPrints))
			for name, want := range tourPrints {
				require.Regexp(t, regexp.MustCompile(want), printed[name], "step %s", name)
			}
			spent := number(t, printed["pay"], "amount") + number(t, printed["pay"], "fee") +
				number(t, printed["keysend"], "amount") + number(t, printed["keysend"], "fee")
			require.Equal(t, number(t, printed["balance"], "balance")-spent, number(t, printed["balance-after"], "balance"))
			require.NotEqual(t, printed["exchange"], printed["refresh"])
		})
	}
}

func number(t *testing.T, object, field string) int64 {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(object), &fields), "%s", object)
	value, ok := fields[field].(float64)
	require.True(t, ok, "%s has no number %s", object, field)
	return int64(value)
}
