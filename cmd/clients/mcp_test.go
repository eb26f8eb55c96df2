package clients_test

import (
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// mcpConfiguration has an MCP server behind the gateway, as a resource of its own.
const mcpConfiguration = `
database_url: "sqlite:%[1]s/gatehouse.db"
redis_url: "embedded:"
jwt_secret: %032[2]d
keys: {secret: %032[2]d}
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

// TestMCPInspector: so does MCP's inspector, on the command line.
func TestMCPInspector(t *testing.T) {
	needNode(t)
	dir, err := installed22()
	require.NoError(t, err)
	for name, byDocument := range map[string]bool{"by its document": true, "registers itself": false} {
		t.Run(name, func(t *testing.T) {
			callback, _, err := freeAddresses()
			require.NoError(t, err)
			t.Setenv("CALLBACK_URL", "http://"+callback+"/oauth/callback")
			t.Setenv("PROGRAMS", filepath.Join(dir, "node_modules", ".bin"))
			runMCP(t, byDocument, "mcp-inspector.test.js")
		})
	}
}
