// Package cmd_test holds the rule who may import whom.
package cmd_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "gatehouse/"

// mayImport says which rooms each room sees. What is not listed may import none of ours: a new room needs a line here.
var mayImport = map[string][]string{
	"cmd":      {"app", "authz", "gateway", "registry", "keys", "denylist"},
	"app":      {"authz", "gateway", "registry", "keys", "denylist"},
	"authz":    {"registry", "keys", "denylist"},
	"gateway":  {"keys", "denylist"},
	"registry": {},
	"keys":     {},
	"denylist": {},
}

// walls says, of each package inside a room, which others of that room it may import, by whatever way. The room's outer
// package is never among them, and sees them all. A new inner package needs a line here.
var walls = map[string][]string{
	"app/config": {},
	"authz/account": {
		"authz/browser", "authz/budget", "authz/client", "authz/internal/budgetform", "authz/internal/endpoint", "authz/internal/loop",
		"authz/internal/text", "authz/keyring", "authz/outbox", "authz/page", "authz/user",
	},
	"authz/admin": {
		"authz/budget", "authz/client", "authz/client/document", "authz/internal/endpoint", "authz/internal/loop", "authz/internal/text", "authz/keyring",
		"authz/oauth2server", "authz/outbox", "authz/page", "authz/user",
	},
	"authz/browser": {
		"authz/client", "authz/internal/endpoint", "authz/internal/loop", "authz/internal/text", "authz/keyring", "authz/outbox", "authz/page",
		"authz/user",
	},
	"authz/budget":              {"authz/internal/loop", "authz/internal/text"},
	"authz/client":              {"authz/internal/text"},
	"authz/client/assertion":    {},
	"authz/client/document":     {"authz/client", "authz/internal/text"},
	"authz/internal/authztest":  {"authz/client", "authz/client/document", "authz/internal/loop", "authz/internal/text", "authz/keyring"},
	"authz/internal/budgetform": {"authz/budget", "authz/internal/loop", "authz/internal/text", "authz/page"},
	"authz/internal/endpoint": {
		"authz/client", "authz/internal/loop", "authz/internal/text", "authz/keyring", "authz/outbox", "authz/page", "authz/user",
	},
	"authz/internal/loop":           {},
	"authz/internal/text":           {},
	"authz/keyring":                 {"authz/internal/loop"},
	"authz/lastused":                {"authz/internal/loop"},
	"authz/oauth2server":            {"authz/client", "authz/internal/text"},
	"authz/oauth2server/sourcetest": {},
	"authz/outbox":                  {"authz/internal/loop"},
	"authz/page":                    {},
	"authz/registration": {
		"authz/client", "authz/internal/endpoint", "authz/internal/loop", "authz/internal/text", "authz/keyring", "authz/outbox", "authz/page",
		"authz/user",
	},
	"authz/signin": {
		"authz/browser", "authz/client", "authz/internal/endpoint", "authz/internal/loop", "authz/internal/text", "authz/keyring",
		"authz/outbox", "authz/page", "authz/user",
	},
	"authz/user":                  {"authz/internal/text"},
	"denylist/denylisttest":       {},
	"gateway/gatewaytest":         {},
	"gateway/internal/credential": {"gateway/internal/header", "gateway/internal/http1"},
	"gateway/internal/handshake": {
		"gateway/internal/header", "gateway/internal/http1", "gateway/internal/panics", "gateway/internal/routing", "gateway/internal/upstream",
	},
	"gateway/internal/header":   {"gateway/internal/http1"},
	"gateway/internal/http1":    {},
	"gateway/internal/lastused": {"gateway/internal/occasional"},
	"gateway/listener":          {"gateway/internal/http1", "gateway/internal/occasional"},
	"gateway/payment": {
		"gateway/internal/http1", "gateway/internal/occasional", "gateway/internal/panics", "gateway/internal/routing",
		"gateway/internal/spend", "gateway/internal/upstream",
	},
	"gateway/internal/mcp":        {},
	"gateway/internal/occasional": {},
	"gateway/internal/opaque":     {},
	"gateway/internal/panics":     {},
	"gateway/internal/routing":    {"gateway/internal/http1"},
	"gateway/internal/spend":      {},
	"gateway/internal/tunnel":     {"gateway/internal/panics", "gateway/internal/watch"},
	"gateway/internal/upstream":   {"gateway/internal/http1", "gateway/internal/panics", "gateway/internal/routing"},
	"gateway/internal/watch":      {"gateway/internal/panics"},
	"gateway/resource":            {"gateway/internal/http1", "gateway/internal/routing"},
	"keys/dpop":                   {"keys/jws", "keys/strictjson"},
	"keys/dpop/dpoptest":          {},
	"keys/internal/fastsig":       {},
	"keys/jws":                    {"keys/strictjson"},
	"keys/jws/jwstest":            {},
	"keys/strictjson":             {},
	"registry/registrytest":       {},
}

// onlyTests are the packages that nothing imports but tests, and each other.
var onlyTests = []string{
	"authz/internal/authztest", "authz/oauth2server/sourcetest", "cmd/demoapp/browsertest", "denylist/denylisttest",
	"gateway/gatewaytest", "keys/dpop/dpoptest", "keys/jws/jwstest", "registry/registrytest",
}

// alone are the packages of cmd that import none of ours: what stands in for another program must not share its mistakes
// with what is tested against it.
var alone = []string{"cmd/mock_server/lndhub"}

// room is the top-level directory of one of our packages, or "".
func room(importPath string) string {
	path, ours := strings.CutPrefix(importPath, module)
	if !ours {
		return ""
	}
	name, _, _ := strings.Cut(path, "/")
	return name
}

func TestWhoMayImportWhom(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Deps", module+"...")
	output, err := list.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("go list: %s", failed.Stderr)
	}
	require.NoError(t, err)

	seen := map[string]bool{}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var pkg struct {
			ImportPath string
			Deps       []string
		}
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		from := room(pkg.ImportPath)
		seen[from] = true
		allowed, known := mayImport[from]
		require.True(t, known, "%s is in no room", pkg.ImportPath)
		inside := strings.TrimPrefix(pkg.ImportPath, module)
		isInner := inside != from && from != "cmd"
		if from == "cmd" {
			seen[inside] = true
		}
		if isInner {
			require.Contains(t, walls, inside, "a package inside %s", from)
			seen[inside] = true
		}
		for _, dep := range pkg.Deps {
			if slices.Contains(onlyTests, strings.TrimPrefix(dep, module)) && !slices.Contains(onlyTests, inside) {
				t.Errorf("%s depends on %s, which is for tests", pkg.ImportPath, dep)
			}
			switch to := room(dep); {
			case to == "":
			case slices.Contains(alone, inside):
				t.Errorf("%s depends on %s, and should on none of ours", pkg.ImportPath, dep)
			case to != from && !slices.Contains(allowed, to):
				t.Errorf("%s depends on %s: %s may only see %v", pkg.ImportPath, dep, from, allowed)
			case to == from && isInner && !slices.Contains(walls[inside], strings.TrimPrefix(dep, module)):
				t.Errorf("%s depends on %s: of its room it may only see %v", pkg.ImportPath, dep, walls[inside])
			}
		}
	}
	for _, name := range alone {
		require.True(t, seen[name], "no package %s", name)
	}
	for name := range mayImport {
		require.True(t, seen[name], "no package in %s", name)
	}
	for name := range walls {
		require.True(t, seen[name], "no package %s", name)
	}
}
