package clients_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ran says in which file each section of the page was run.
var ran = map[string]string{
	"openid-client":         "node/openid-client.test.js",
	"openid-client 5":       "node/openid-client-5.test.js",
	"oauth4webapi":          "node/oauth4webapi.test.js",
	"simple-oauth2":         "node/simple-oauth2.test.js",
	"@fastify/oauth2":       "node/fastify-oauth2.test.js",
	"passport-oauth2":       "node/passport-oauth2.test.js",
	"grant":                 "node/grant.test.js",
	"arctic":                "node/arctic.test.js",
	"Auth.js":               "node/authjs.test.js",
	"jose":                  "node/jose.test.js",
	"MCP TypeScript SDK":    "node/mcp-client.test.js",
	"MCP TypeScript SDK 1":  "node/mcp-sdk.test.js",
	"MCP in a page":         "mcp_test.go",
	"oidc-client-ts":        "node/oidc-client-ts.html",
	"golang.org/x/oauth2":   "go_test.go",
	"bluesky-social/indigo": "indigo_test.go",
	"coreos/go-oidc":        "go_test.go",
	"zitadel/oidc":          "zitadel_test.go",
	"requests-oauthlib":     "scripts/requests_oauthlib_test.py",
	"Authlib":               "scripts/authlib_test.py",
	"Authlib with a key":    "scripts/authlib_signs_test.py",
	"PyJWT":                 "scripts/pyjwt_test.py",
	"ruby-oauth2":           "scripts/oauth2_test.rb",
}

// otherwise are the sections whose blocks are run from the page itself, and those of which the page says that nobody has run them.
var otherwise = []string{"nginx", "HAProxy", "Apache"}

// block is code of a section of the page.
type block struct{ section, language, code string }

var sectionOrBlock = regexp.MustCompile("(?ms)^#+ ([^\n]+)$|^```(\\w+)\n(.*?)^```$")

func blocks(t *testing.T) (found []block) {
	t.Helper()
	page, err := os.ReadFile("../../docs/clients.md")
	require.NoError(t, err)
	section := ""
	for _, match := range sectionOrBlock.FindAllStringSubmatch(string(page), -1) {
		if match[1] != "" {
			section = match[1]
			continue
		}
		found = append(found, block{section, match[2], match[3]})
	}
	return found
}

// fromPage is the code of a section in a language.
func fromPage(t *testing.T, section, language string) string {
	t.Helper()
	for _, b := range blocks(t) {
		if b.section == section && b.language == language {
			return b.code
		}
	}
	require.Fail(t, "the page has no such block", "%s, %s", section, language)
	return ""
}

var indentation = regexp.MustCompile(`(?m)^[ \t]+`)

// TestThePageShowsWhatWasRun: what is between two empty lines of a block stands as it is, but for its indentation, in the test.
func TestThePageShowsWhatWasRun(t *testing.T) {
	compared := map[string]bool{}
	for _, b := range blocks(t) {
		if ran[b.section] == "" {
			require.Contains(t, otherwise, b.section)
			continue
		}
		source, err := os.ReadFile(ran[b.section])
		require.NoError(t, err)
		test := "\n" + indentation.ReplaceAllString(string(source), "")
		for part := range strings.SplitSeq(indentation.ReplaceAllString(b.code, ""), "\n\n") {
			require.Contains(t, test, "\n"+strings.TrimSpace(part)+"\n", b.section)
		}
		compared[b.section] = true
	}
	for section := range ran {
		require.True(t, compared[section], "%s is not on the page", section)
	}
}
