package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tourShells are those that the tour is pasted into, as a terminal runs them but without anybody's own settings.
var tourShells = map[string][]string{
	"sh": {"sh"}, "bash": {"bash", "--norc", "--noprofile", "-i"}, "zsh": {"zsh", "-f", "-i"}, "fish": {"fish", "--no-config"},
}

// paste runs the commands one after another in one shell, from its standard input as a terminal's, and returns what each
// of them printed.
func paste(t *testing.T, shell string, commands []step) map[string]string {
	t.Helper()
	const mark = "\n=== "
	var script strings.Builder
	for _, s := range commands {
		script.WriteString("printf '" + `\n=== ` + s.name + `\n` + "'\n" + s.command + "\n")
	}
	printed := map[string]string{}
	for _, part := range strings.Split(runShell(t, shell, script.String()), mark)[1:] {
		name, text, _ := strings.Cut(part, "\n")
		printed[name] = strings.TrimSpace(text)
	}
	return printed
}

// compact is what a step printed with its JSON on one line; it must have been printed so that people can read it.
func compact(t *testing.T, printed string) string {
	t.Helper()
	head, object := "", printed
	if i := strings.Index(printed, "\n{\n"); i >= 0 { // the head of an answer comes first
		head, object = printed[:i+1], printed[i+1:]
	}
	var line bytes.Buffer
	if !strings.ContainsAny(object[:min(1, len(object))], "{[") || json.Compact(&line, []byte(object)) != nil {
		return printed
	}
	require.Contains(t, object, "\n  ", "it is indented")
	return head + line.String()
}

// runShell returns what the shell prints for what it reads. Its complaints are logged where the test fails; prompts, which an
// interactive shell writes where there is no terminal too, are among them.
func runShell(t *testing.T, shell, input string) string {
	t.Helper()
	arguments := tourShells[shell]
	session := exec.CommandContext(t.Context(), arguments[0], arguments[1:]...)
	session.Env = append(session.Environ(), "NO_PROXY=localhost,127.0.0.1", "HOME="+t.TempDir(), "TERM=dumb")
	session.Stdin = strings.NewReader(input)
	var complaints strings.Builder
	session.Stderr = &complaints
	output, err := session.Output()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said:\n%s", shell, complaints.String())
		}
	})
	require.NoError(t, err, "%s", output)
	return string(output)
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
	"create-invoice":       `^\{"payment_hash":"[0-9a-f]{64}","payment_request":"lnbcrt10000n1`,
	"invoice":              `"description":"Lunch".*"payment_preimage":"[0-9a-f]{64}".*"amount":1000,.*"status":"open".*"is_paid":false`,
	"pay":                  `"amount":2000,"fee":\d+,.*"payment_preimage":"[0-9a-f]{64}"`,
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
	for shell := range tourShells {
		t.Run(shell, func(t *testing.T) {
			m := startMock(t)
			printed := paste(t, shell, m.Commands)
			require.Len(t, printed, len(tourPrints))
			for name, want := range tourPrints {
				require.Regexp(t, regexp.MustCompile(want), compact(t, printed[name]), "step %s", name)
			}
			spent := number(t, printed["pay"], "amount") + number(t, printed["pay"], "fee") +
				number(t, printed["keysend"], "amount") + number(t, printed["keysend"], "fee")
			require.Equal(t, number(t, printed["balance"], "balance")-spent, number(t, printed["balance-after"], "balance"))
			require.NotEqual(t, printed["exchange"], printed["refresh"])
		})
	}
}

// People paste what they see, headings too, and do so again.
func TestTheTourCanBePastedTwice(t *testing.T) {
	for shell := range tourShells {
		t.Run(shell, func(t *testing.T) {
			m := startMock(t)
			response, err := http.Get(m.App + "/tour")
			require.NoError(t, err)
			seen, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			output := "\n" + runShell(t, shell, string(seen)+string(seen))
			for i, s := range m.Commands {
				heading := fmt.Sprintf("\n%d. %s\n", i+1, s.says)
				parts := strings.Split(output, heading)
				require.Len(t, parts, 3, "%s", heading)
				for again, part := range parts[1:] {
					part, _, _ = strings.Cut("\n"+part, fmt.Sprintf("\n%d. ", (i+1)%len(m.Commands)+1))
					require.Regexp(t, regexp.MustCompile(tourPrints[s.name]), compact(t, strings.TrimSpace(part)), "step %s, time %d", s.name, again+1)
				}
			}
		})
	}
}

func TestTheDemoClientsTakeTheirCodesAtTheCallbackToo(t *testing.T) {
	m := startMock(t)
	for _, redirect := range demoRedirects {
		config := oauth2Config(m, "test_client", "test_secret")
		config.RedirectURL = redirect
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, config.AuthCodeURL("the state"), nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+m.UserJWT)
		response, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		location, err := response.Location()
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(location.String(), redirect+"?"), "%s", location)
		_, err = config.Exchange(t.Context(), location.Query().Get("code"))
		require.NoError(t, err)
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
