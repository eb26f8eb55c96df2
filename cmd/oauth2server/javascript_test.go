package oauth2server_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// installed is a folder with the applications of clients/ and the packages that they use, as npm has them: the Alby SDKs and
// jose. They are installed once for all tests.
var installed = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(programs, "clients")
	if err := os.CopyFS(dir, os.DirFS("clients")); err != nil {
		return "", err
	}
	install := exec.Command("npm", "ci")
	install.Dir = dir
	if output, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, output)
	}
	return dir, nil
})

// runJavaScript runs test files of clients/ with Node.js against a server.
func runJavaScript(t *testing.T, p place, environment []string, files ...string) {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed; make test installs it", tool)
		}
	}
	dir, err := installed()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), "node", append([]string{"--test"}, files...)...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GATEHOUSE_URL="+p.public, "JWT_SECRET="+p.jwtSecret,
		"NODE_OPTIONS=--dns-result-order=ipv4first") // localhost is 127.0.0.1 here, and older versions try only one address
	command.Env = append(command.Env, environment...)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Regexp(t, `(?m)^. pass [1-9]`, string(bytes.TrimSpace(output)))
}

// TestJavaScriptClients runs applications that were written for other servers against the mock server.
func TestJavaScriptClients(t *testing.T) {
	r := startMock(t)
	token := regexp.MustCompile(`"access_token":"([^"]+)"`).FindStringSubmatch(r.log.String())
	require.NotNil(t, token)
	runJavaScript(t, r.place, []string{"ACCESS_TOKEN=" + token[1]}, "alby.test.js", "jose.test.js")
}
