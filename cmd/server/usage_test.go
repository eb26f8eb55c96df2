package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// commands are the words of every command there is, but for cobra's own help.
func commands(root *cobra.Command) (paths [][]string) {
	for _, sub := range root.Commands() {
		if sub.Name() != "help" {
			paths = append(paths, strings.Fields(sub.CommandPath())[1:])
			paths = append(paths, commands(sub)...)
		}
	}
	return paths
}

func TestEveryCommandHelpsAndIsDocumented(t *testing.T) {
	s := site{T: t}
	all := append(commands(newCommand()), nil) // nil is the root
	require.Greater(t, len(all), 18)
	for _, path := range all {
		t.Run(strings.Join(path, " "), func(t *testing.T) {
			s := site{T: t}
			help := s.ok(append(path, "--help")...)
			require.Contains(t, help, "Examples:")
			require.Contains(t, help, "gatehouse "+strings.Join(path, " "))
			require.NotRegexp(t, `(?m)^ +server `, help, "the program is called gatehouse")
			require.Equal(t, help, s.ok(append([]string{"help"}, path...)...))
		})
	}
	page, err := os.ReadFile("../../docs/operating.md")
	require.NoError(t, err)
	for _, path := range all {
		if path != nil && !slices.Contains([]string{"client", "key", "audit", "budget", "spend"}, strings.Join(path, " ")) {
			require.Contains(t, string(page), "`"+strings.Join(path, " ")+"`")
		}
	}
	help := s.ok("--help")
	for _, meaning := range []string{"0 done", "1 failed", "2 the configuration or the command", "3 what was named", "4 a revocation"} {
		require.Contains(t, help, meaning)
	}
}

func TestMisuseIsTold(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	before := s.ok("client", "list")
	for arguments, why := range map[string]string{
		"":                             "needs one of",
		"client":                       "needs one of create, delete, list",
		"clients":                      `unknown command "clients"`,
		"revoek --user 7":              "did you mean revoke?",
		"client lst":                   "did you mean list?",
		"serve now":                    `"now"`,
		"health now":                   `"now"`,
		"check --strict":               "--strict",
		"check --role nobody":          "nobody",
		"migrate --down":               "--down",
		"migrate x":                    `"x"`,
		"client list --all":            "--all",
		"client show":                  "1 arg",
		"client show a b":              "1 arg",
		"client create --public=maybe": "maybe",
		"client create extra":          `"extra"`,
		"client update a":              "nothing is to be changed",
		"client update a --public":     "--public",
		"client secret":                "1 arg",
		"client secret a":              "no --yes",
		"completion":                   "1 arg",
		"completion tcsh":              "none of bash, zsh, fish",
		"client delete a":              "no --yes",
		"key rotate now":               `"now"`,
		"audit list --limit 0":         "--limit",
		"audit list --limit many":      "many",
		"audit list --before -1":       "--before",
		"revoke --yes":                 "exactly one",
		"revoke --yes --jti= ":         "exactly one",
		"revoke --yes --jti a --user=": "exactly one",
		"revoke --yes --grant a --client b --user c": "exactly one",
		"revoke --user 7": "no --yes",
		"revoke 7 --yes":  `"7"`,
		"budget":          "needs one of set, show",
		"budget show":     "--subject is required",
		"budget set --subject a --client b --unit sat":                              "--limit are required",
		"budget set --subject a --client b --unit sat --limit 1":                    "--period must be",
		"budget set --subject a --client b --unit sat --limit -1 --period day":      "--limit must be",
		"budget set --subject a --client b --unit sat --limit 1.5 --period day":     "--limit must be",
		"budget set --subject a --client b --unit sat --limit 1 --period fortnight": "--period must be",
		"spend":                               "needs one of list, resolve",
		"spend list":                          "either",
		"spend list --subject a":              "either",
		"spend list --unknown --client a":     "either",
		"spend list --unknown --limit 0":      "--limit",
		"spend resolve --voided":              "1 arg",
		"spend resolve a":                     "exactly one",
		"spend resolve a --voided --posted 1": "exactly one",
		"spend resolve a --posted -1 --yes":   "--posted must be",
		"spend resolve a --voided":            "no --yes",
	} {
		t.Run(arguments, func(t *testing.T) {
			s := site{t, s.env}
			e := s.run(strings.Fields(arguments)...)
			require.Equal(t, 2, e.code, e.stderr)
			require.Empty(t, e.stdout)
			require.Contains(t, e.stderr, why)
			require.Contains(t, e.stderr, "--help'", "it says where to read on")
		})
	}
	require.Equal(t, before, s.ok("client", "list"))
	require.Empty(t, s.audit())
}

func TestOnlyWhatIsUsedHasToBeConfigured(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	database := site{t, map[string]string{
		"GATEHOUSE_DATABASE_URL": s.env["GATEHOUSE_DATABASE_URL"],
		"GATEHOUSE_REDIS_URL":    "nonsense",
		"GATEHOUSE_KEYS_SECRET":  "short",
		"GATEHOUSE_KEYS_ALG":     "none",
		"GATEHOUSE_ISSUER":       "nonsense",
		"GATEHOUSE_ADMIN_LISTEN": "0.0.0.0:80",
		"GATEHOUSE_TARGETS_FILE": "missing.json",
	}}
	database.ok("migrate")
	database.ok("client", "list")
	id := database.object("client", "create", "--name", "x", "--domain", "https://x.example")["clientId"].(string)
	database.ok("client", "show", id)
	database.ok("audit", "list")
	told := database.with("GATEHOUSE_REDIS_URL", s.env["GATEHOUSE_REDIS_URL"]) // the servers that run
	told.ok("client", "update", id, "--name", "y")
	told.ok("client", "secret", id, "--yes")
	database.refused(2, "redis_url", "client", "update", id, "--name", "z")
	database.refused(2, "redis_url", "client", "secret", id, "--yes")
	database.refused(2, "redis_url", "client", "delete", id, "--yes")
	database.refused(2, "redis_url", "revoke", "--client", id, "--yes")
	database.refused(2, "keys.secret", "key", "list")
	database.refused(2, "keys.alg", "key", "rotate")
	database.refused(2, "targets_file", "client", "update", id, "--scope", "a")
	require.Equal(t, "y", database.object("client", "show", id)["name"], "nothing was changed")

	database.with("GATEHOUSE_REDIS_URL", s.env["GATEHOUSE_REDIS_URL"]).ok("revoke", "--client", id, "--yes")
	database.with("GATEHOUSE_KEYS_SECRET", testSecret, "GATEHOUSE_KEYS_ALG", "ES256").ok("key", "rotate")

	s.with("GATEHOUSE_DATABASE_URL", "sqlite::memory:").refused(2, "belongs to the process that serves", "client", "list")
	s.with("GATEHOUSE_DATABASE_URL", "mysql://x").refused(2, "database_url", "migrate")
	s.with("GATEHOUSE_CONFIG", "missing.yaml").refused(2, "missing.yaml", "migrate")
}

func TestADatabaseThatIsNotThere(t *testing.T) {
	s := sqliteSite(t)
	for _, arguments := range []string{"client list", "key list", "key rotate", "audit list", "revoke --user 7 --yes"} {
		s.refused(1, "gatehouse migrate", strings.Fields(arguments)...)
	}
	s.refused(1, "gatehouse migrate", "audit", "list")
	require.NoFileExists(t, strings.TrimPrefix(s.env["GATEHOUSE_DATABASE_URL"], "sqlite:"), "a misspelt path makes no file")

	gone := s.with("GATEHOUSE_DATABASE_URL", "postgres://someone:unspeakable@"+nowhere+"/gatehouse")
	for _, arguments := range []string{"migrate", "client list", "client delete x --yes", "key rotate", "audit list", "revoke --jti x --yes"} {
		e := gone.run(strings.Fields(arguments)...)
		require.Equal(t, 1, e.code)
		require.Contains(t, e.stderr, "connection refused")
		require.Contains(t, e.stderr, "database_url is postgres://someone:xxxxx@"+nowhere+"/gatehouse (environment GATEHOUSE_DATABASE_URL)")
		require.NotContains(t, e.stdout+e.stderr, "unspeakable")
	}

	file := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte("# which one?\ndatabase_url: postgres://someone:unspeakable@"+nowhere+"/gatehouse\n"+
		"jwt_secret: "+testSecret+"\nkeys: {secret: "+testSecret+"}\n"+
		"routes: [{path: /x, methods: [GET], origin: 'http://"+nowhere+"', scope: x, description: x, credential: none}]\n"), 0o600))
	configured := site{t, map[string]string{"GATEHOUSE_CONFIG": file, "GATEHOUSE_REDIS_URL": s.env["GATEHOUSE_REDIS_URL"]}}
	for _, arguments := range []string{"audit list", "serve", "authz"} {
		e := configured.run(strings.Fields(arguments)...)
		require.Equal(t, 1, e.code)
		require.Contains(t, e.stderr, "database_url is postgres://someone:xxxxx@"+nowhere+"/gatehouse ("+file+", line 2)")
		require.NotContains(t, e.stdout+e.stderr, "unspeakable")
	}
}

func TestTheVersionIsToldOnOneLine(t *testing.T) {
	s := site{T: t}
	require.Regexp(t, `^gatehouse \S+ \(commit [^()]+, go1\.\S+\)\n$`, s.ok("--version"))
}
