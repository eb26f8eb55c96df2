package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// installClients installs what npm has into a copy of clients/, once for all tests.
var installClients = sync.OnceValues(func() (dir string, err error) {
	dir = filepath.Join(filepath.Dir(mockBinary), "clients")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	sources, err := filepath.Glob("clients/*.js")
	if err != nil {
		return "", err
	}
	for _, file := range append(sources, "clients/.npmrc", "clients/package.json", "clients/package-lock.json") {
		content, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	install := exec.Command("npm", "ci")
	install.Dir = dir
	if output, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, output)
	}
	return dir, nil
})

func installedClients(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed; make test installs it", tool)
		}
	}
	dir, err := installClients()
	require.NoError(t, err)
	return dir
}

// The applications in clients/ are JavaScript: the Alby SDK and jose, as npm has them.
func TestJavaScriptClients(t *testing.T) {
	dir := installedClients(t)
	m := startMock(t)
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
