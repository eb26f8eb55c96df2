package clients_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// mcpConfiguration has an MCP server behind the gateway, as a resource of its own.
const mcpConfiguration = `
database_url: "sqlite:%[1]s/gatehouse.db"
redis_url: "embedded:"
jwt_secret: %032[2]d
keys: {secret: %032[2]d}
cors:
  headers: [Mcp-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID]
  exposed_headers: [Mcp-Session-Id]
clients:
  documents: {allow_networks: [127.0.0.0/8], ca_file: %[1]s/ca.pem}
resources:
  tools: {url: "%[3]s/tools", name: Wallet tools}
routes:
  - path: /tools
    methods: [GET, POST, DELETE]
    origin: http://%[4]s
    scope: tools:use
    description: Use the wallet's tools.
    credential: headers
    resource: tools
    mcp:
      tools: {pay: payments:send}
      scopes: {"payments:send": {description: Send payments., risk: spend}}
`

// startMCP starts a server whose gateway leads to an MCP server at upstream, and returns it with the URL of a client that nobody has
// registered.
func startMCP(t *testing.T) (s *server, upstream, clientID string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	upstream = listener.Addr().String()
	require.NoError(t, listener.Close()) // for the MCP server
	clientID, authority := serveDocument(t, func(clientID string) any {
		return map[string]any{
			"client_id": clientID, "client_name": "An agent", "redirect_uris": []string{redirectURI, "http://127.0.0.1/oauth/callback"},
			"grant_types": []string{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "none",
		}
	})
	s = startConfigured(t, func(s *server) map[string]string {
		return map[string]string{"config.yaml": fmt.Sprintf(mcpConfiguration, s.dir, 7, s.issuer, upstream), "ca.pem": authority}
	})
	return s, upstream, clientID
}

// runMCP runs a test file of node/ that knows nothing but the URL of the server, and of its own document, if it has one.
func runMCP(t *testing.T, byDocument bool, file string) {
	t.Helper()
	s, upstream, clientID := startMCP(t)
	t.Setenv("MCP_URL", s.issuer+"/tools")
	t.Setenv("MCP_UPSTREAM", upstream)
	t.Setenv("CLIENT_METADATA_URL", "")
	if byDocument {
		t.Setenv("CLIENT_METADATA_URL", clientID)
	}
	runNode(t, application{}, file)
}

// TestMCP: an MCP client that knows nothing but the URL of the server calls its tools after a click on Allow.
func TestMCP(t *testing.T) {
	for name, file := range map[string]string{"SDK 1": "mcp-sdk.test.js", "SDK 2": "mcp-client.test.js"} {
		t.Run(name+" by its document", func(t *testing.T) { runMCP(t, true, file) })
		t.Run(name+" registers itself", func(t *testing.T) { runMCP(t, false, file) })
	}
	t.Run("SDK 2 binds its tokens", func(t *testing.T) {
		t.Setenv("DPOP", "1")
		runMCP(t, true, "mcp-client.test.js")
	})
}

// serveMCP runs the MCP server of node/ at an address until the test ends.
func serveMCP(t *testing.T, address string) {
	t.Helper()
	needNode(t)
	dir, err := installed()
	require.NoError(t, err)
	command := exec.Command("node", "--input-type=module", "--eval", fmt.Sprintf(
		`import { startServer } from "./mcp-server.js"; await startServer({ after() {} }, %q); console.log("ready");`, address))
	command.Dir = dir
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
}

// TestMCPInABrowser: so does a page of another origin, in either version of the protocol.
func TestMCPInABrowser(t *testing.T) {
	page := openTab(t)
	s, upstream, _ := startMCP(t)
	serveMCP(t, upstream)
	origin := servePage(t, "mcp-client.html", map[string]string{"url": s.issuer + "/tools"})
	page.do(chromedp.Navigate(origin), chromedp.Poll("window.connect", nil), chromedp.Evaluate(`void connect("auto").catch(() => {})`, nil))
	page.signIn()
	page.do(chromedp.WaitReady(`script[src="/settings.js"]`), chromedp.Poll("window.comeBack", nil))
	await[any](page, "comeBack()")
	for mode, era := range map[string]string{"auto": "modern", "legacy": "legacy"} {
		require.Equal(t, era, await[string](page, "connect(%q)", mode))
		require.Equal(t, "demo", await[string](page, `call("whoami")`))
		require.True(t, await[bool](page, "hear()"))
	}
}

// TestMCPInspector: so does MCP's inspector, on the command line.
func TestMCPInspector(t *testing.T) {
	programs, node := programs22(t)
	for name, byDocument := range map[string]bool{"by its document": true, "registers itself": false} {
		t.Run(name, func(t *testing.T) {
			callback, _, err := freeAddresses()
			require.NoError(t, err)
			t.Setenv("CALLBACK_URL", "http://"+callback+"/oauth/callback")
			t.Setenv("INSPECTOR", filepath.Join(programs, "mcp-inspector"))
			t.Setenv("INSPECTOR_NODE", node)
			runMCP(t, byDocument, "mcp-inspector.test.js")
		})
	}
}
