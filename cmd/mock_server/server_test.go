package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStopsCleanlyWhenToldTo(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			m := startMock(t)
			m.stop(signal)
			_, err := http.Get(m.Issuer)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			for _, other := range []string{m.Wallet, m.App} {
				_, err = http.Get(other)
				require.ErrorIs(t, err, syscall.ECONNREFUSED)
			}
		})
	}
}

// A program run the way that must fail: its output, having exited with the status.
func runMock(t *testing.T, status int, environment []string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), mockBinary, args...)
	command.Env = append(append(os.Environ(), "PORT=0", "MOCK_SERVER_PORT=0", "DEMO_PORT=0", "TARGET_FILE="), environment...)
	output, err := command.CombinedOutput()
	if status != 0 {
		require.Error(t, err, "%s", output)
	}
	require.Equal(t, status, command.ProcessState.ExitCode(), "%s", output)
	return string(output)
}

func TestSaysWhichPortIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	for _, setting := range []string{"PORT", "MOCK_SERVER_PORT"} {
		output := runMock(t, 1, []string{setting + "=" + port})
		require.Equal(t, "mock_server: port "+port+" is taken: set "+setting+" to another port, or to 0 for any free one\n", output)
	}
}

func TestSaysEverythingThatIsWrongWithTheEnvironment(t *testing.T) {
	output := runMock(t, 1, []string{"PORT=http", "MOCK_SERVER_PORT=70000", "DEMO_PORT=demo", "TARGET_FILE=missing.json"})
	require.Contains(t, output, `PORT: "http" is not a port number`)
	require.Contains(t, output, `MOCK_SERVER_PORT: "70000" is not a port number`)
	require.Contains(t, output, `DEMO_PORT: "demo" is not a port number`)
	require.Contains(t, output, "TARGET_FILE: open missing.json")
}

func TestCommandLine(t *testing.T) {
	require.Contains(t, runMock(t, 0, nil, "-h"), "MOCK_SERVER_PORT")
	require.Contains(t, runMock(t, 2, nil, "-x"), "MOCK_SERVER_PORT")
	require.Contains(t, runMock(t, 2, nil, "start"), `not "start"`)
}

// With routes of one's own the tour has only the steps that they allow.
func TestTargetFileReplacesTheRoutes(t *testing.T) {
	wallet := startMock(t).Wallet
	file := filepath.Join(t.TempDir(), "targets.json")
	require.NoError(t, os.WriteFile(file, []byte(`[
		{"matchRoute": "/balance", "origin": "`+wallet+`/v2", "description": "Balance.", "scope": "balance:read", "method": "GET"}
	]`), 0o600))
	m := startMock(t, "TARGET_FILE="+file)
	require.Equal(t, "balance:read", m.Tokens.Scope)
	for _, s := range m.Commands {
		require.NotContains(t, s.command, "/invoices")
		require.NotContains(t, s.command, "/payments")
	}
	output := paste(t, "sh", m.Commands)
	require.Contains(t, output["balance"], `"balance": `)
	require.Contains(t, output["revoked-balance"], "401")
}

func TestEveryStepOfTheTourIsPrintedForPeopleToo(t *testing.T) {
	d := demo{
		Issuer: "http://localhost:1", Wallet: "http://127.0.0.1:2", App: "http://localhost:3", Routes: walletRoutes("http://127.0.0.1:2"),
		User: theUser, UserJWT: "user.jwt", Tokens: tokens{AccessToken: "access.token", RefreshToken: "refresh-token"},
		ShopAmount: shopAmount, ShopKey: shopKey,
	}
	steps, err := tour(d)
	require.NoError(t, err)
	for _, bold := range []bool{false, true} {
		var out strings.Builder
		printer := textPrinter{out: &out, bold: bold}
		printer.print(d)
		require.Regexp(t, `^Open (\x1b\[1m)?http://localhost:3`, out.String(), "the first thing is what to click")
		require.Less(t, strings.Index(out.String(), "login login, password password"), strings.Index(out.String(), "client "))
		require.Contains(t, out.String(), "curl -s http://localhost:3/tour\n")
		require.NotContains(t, out.String(), "taken")
		require.NotContains(t, out.String(), "export ")
		printer.printTour(steps)
		require.Equal(t, bold, strings.Contains(out.String(), "\x1b["))
		for _, s := range steps {
			require.Contains(t, out.String(), "\n"+s.command+"\n", "step %s, as it is and from the left edge", s.name)
		}
		for _, fact := range []string{d.Issuer, d.Wallet, "12345", "login", "password", "test_client", "test_secret", "public", demoRedirect, demoRedirect + "/callback", d.UserJWT, d.Tokens.AccessToken, d.Tokens.RefreshToken} {
			require.Contains(t, out.String(), fact)
		}
	}
}

func TestAnotherPortWhereThatOfTheDemoApplicationIsTaken(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		taken, err := net.Listen("tcp", address)
		if err != nil && strings.HasPrefix(address, "[") {
			continue // a machine without IPv6
		}
		require.NoError(t, err)
		defer taken.Close()
		port := taken.Addr().(*net.TCPAddr).Port
		m := startMock(t, "DEMO_PORT="+strconv.Itoa(port))
		require.Equal(t, port, m.PortTaken)
		require.NotContains(t, m.App, ":"+strconv.Itoa(port))
		response, err := http.Get(m.App + "/callback")
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)

		var out strings.Builder
		textPrinter{out: &out}.print(demo{App: m.App, PortTaken: m.PortTaken})
		require.Contains(t, out.String(), fmt.Sprintf("Port %d, where it usually is, is taken", port))
	}
}
