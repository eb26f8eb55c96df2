package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The applications in clients/ are JavaScript: the Alby SDK and jose, as npm has them.
func TestJavaScriptClients(t *testing.T) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed; make test installs it", tool)
		}
	}
	dir := t.TempDir()
	sources, err := filepath.Glob("clients/*.js")
	require.NoError(t, err)
	for _, file := range append(sources, "clients/.npmrc", "clients/package.json", "clients/package-lock.json") {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600))
	}
	m := startMock(t)
	runIn(t, dir, nil, "npm", "ci")
	output := runIn(t, dir, []string{
		"GATEHOUSE_URL=" + m.Issuer,
		"JWT_SECRET=test-secret",
		"ACCESS_TOKEN=" + m.Tokens.AccessToken,
		"NODE_OPTIONS=--dns-result-order=ipv4first", // localhost is 127.0.0.1 here, and older versions try only one address
	}, "node", "--test")
	t.Log(output)
}

func runIn(t *testing.T, dir string, environment []string, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), environment...)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s %v\n%s", name, args, output)
	return string(output)
}
