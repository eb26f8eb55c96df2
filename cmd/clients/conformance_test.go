package clients_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// conform runs the scenarios of MCP's conformance suite for authorization servers as the application, while a user allows what it asks for, and
// returns what became of each check.
func conform(t *testing.T, s *server, app application, more ...string) (checks map[string]string) {
	t.Helper()
	programs, node := programs22(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	address, _, err := freeAddresses()
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	results := t.TempDir()
	command := exec.CommandContext(ctx, node, append([]string{
		filepath.Join(programs, "conformance"), "authorization", "--url", s.issuer, "--client-id", app.ID, "--port", port, "--output-dir", results,
	}, more...)...)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	command.Stderr = command.Stdout
	require.NoError(t, command.Start())
	var said strings.Builder
	ask, listens := "", false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		listens = listens || strings.HasPrefix(lines.Text(), "Callback server started")
		if strings.HasPrefix(lines.Text(), s.issuer+"/oauth/authorize?") {
			ask = lines.Text()
		}
		if ask != "" && listens {
			_, err := newUser().visit(ask)
			require.NoError(t, err)
			ask = ""
		}
	}
	require.NoError(t, command.Wait(), "%s", &said)
	files, err := filepath.Glob(filepath.Join(results, "*", "checks.json"))
	require.NoError(t, err)
	checks = map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var found []struct{ ID, Status, ErrorMessage string }
		require.NoError(t, json.Unmarshal(content, &found))
		for _, check := range found {
			checks[check.ID] = strings.TrimSpace(check.Status + " " + check.ErrorMessage)
		}
	}
	return checks
}

// TestMCPConformance: the metadata, and a code for a token, are what MCP's own suite asks of an authorization server. It asks for no scope.
func TestMCPConformance(t *testing.T) {
	conforms := map[string]string{
		"authorization-server-metadata": "SUCCESS", "authorization-server-metadata-cimd": "SUCCESS", "authorization-code-grant": "SUCCESS",
	}
	app := gatehouse.register(t, true, map[string]any{"defaultScopes": []string{"hello:read"}})
	require.Equal(t, conforms, conform(t, &gatehouse, app))

	s, _, _ := startMCP(t)
	app = s.register(t, true, map[string]any{"defaultScopes": []string{"tools:use"}})
	require.Equal(t, conforms, conform(t, s, app, "--resource", s.issuer+"/tools"))
}
