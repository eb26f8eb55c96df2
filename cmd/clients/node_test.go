package clients_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// installed is a folder with node/ and the packages that it uses, as npm has them; installed22 is one with those of node22/.
var (
	installed   = sync.OnceValues(func() (string, error) { return install("node") })
	installed22 = sync.OnceValues(func() (string, error) { return install("node22") })
)

func install(folder string) (dir string, err error) {
	dir = filepath.Join(directory, folder)
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		return "", err
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--prefer-offline")
	install.Dir = dir
	if output, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, output)
	}
	return dir, nil
}

// needNode skips where there is no Node.js.
func needNode(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed; make test installs it", tool)
		}
	}
}

// programs22 is the folder of the programs of node22/, and the Node.js that runs them: what is among them for Linux, or else the machine's own.
func programs22(t *testing.T) (programs, node string) {
	t.Helper()
	needNode(t)
	dir, err := installed22()
	require.NoError(t, err)
	programs = filepath.Join(dir, "node_modules", ".bin")
	if node, err = exec.LookPath(filepath.Join(programs, "node")); err != nil {
		node = "node"
	}
	return programs, node
}

// runNode runs a test file of node/ as the application.
func runNode(t *testing.T, app application, file string) {
	t.Helper()
	needNode(t)
	dir, err := installed()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, "node", file)
	command.Dir = dir
	command.Env = append(environment(t, app), "NODE_OPTIONS=--dns-result-order=ipv4first")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Regexp(t, `(?m)^. pass [1-9]`, string(output))
}

// environment is what a program knows that runs as the application.
func environment(t *testing.T, app application) []string {
	t.Helper()
	return append(os.Environ(), "ISSUER="+gatehouse.issuer, "CLIENT_ID="+app.ID, "CLIENT_SECRET="+app.Secret,
		"REDIRECT_URI="+redirectURI, "USER_URL="+serveUser(t), "ADMIN_URL="+gatehouse.admin)
}

func TestOpenIDClient(t *testing.T)   { runNode(t, register(t, false), "openid-client.test.js") }
func TestOpenIDClient5(t *testing.T)  { runNode(t, register(t, false), "openid-client-5.test.js") }
func TestOAuth4WebAPI(t *testing.T)   { runNode(t, register(t, true), "oauth4webapi.test.js") }
func TestPrivateKeyJWT(t *testing.T)  { runNode(t, register(t, true), "private-key-jwt.test.js") }
func TestRegistration(t *testing.T)   { runNode(t, register(t, true), "registration.test.js") }
func TestSimpleOAuth2(t *testing.T)   { runNode(t, register(t, false), "simple-oauth2.test.js") }
func TestFastifyOAuth2(t *testing.T)  { runNode(t, register(t, false), "fastify-oauth2.test.js") }
func TestPassportOAuth2(t *testing.T) { runNode(t, register(t, false), "passport-oauth2.test.js") }
func TestGrant(t *testing.T)          { runNode(t, register(t, false), "grant.test.js") }
func TestArctic(t *testing.T)         { runNode(t, register(t, false), "arctic.test.js") }
func TestAuthJS(t *testing.T)         { runNode(t, register(t, false), "authjs.test.js") }
func TestJose(t *testing.T)           { runNode(t, register(t, false), "jose.test.js") }
