package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const another = `
contestants:
  - name: another
    group: others
    command: [another-proxy, --config, "{{.Dir}}/proxy.conf"]
    environment: {UPSTREAM: "http://{{.Upstream}}"}
    files: {proxy.conf: "listen {{.Listen}}"}
    ready: http://{{.Listen}}/health
    target: http://{{.Listen}}/balance
    tokens: {algorithm: RS256, fresh: true}
    refuses: [signature, expired]
    at_most: [{times: 2, of: nginx}]
`

func TestContestantsOfAFileJoinThoseThatAreBuiltIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "more.yaml")
	require.NoError(t, os.WriteFile(file, []byte(another), 0o600))
	all, err := readContestants([]string{file})
	require.NoError(t, err)
	require.Equal(t, "nginx", all[0].Name, "everybody is compared with the first one")

	last := all[len(all)-1]
	require.Equal(t, Tokens{Algorithm: "RS256", Fresh: true}, last.Tokens)
	filled, err := last.at(site{Dir: "/run/here", Listen: "127.0.0.1:81", Upstream: "127.0.0.1:82"})
	require.NoError(t, err)
	require.Equal(t, []string{"another-proxy", "--config", "/run/here/proxy.conf"}, filled.Command)
	require.Equal(t, []string{"UPSTREAM=http://127.0.0.1:82"}, filled.environ())
	require.Equal(t, "http://127.0.0.1:81/health", filled.Ready)
	require.Equal(t, "{{.Dir}}/proxy.conf", last.Command[2], "the next round is in another directory")

	dir := t.TempDir()
	require.NoError(t, filled.writeFiles(dir))
	written, err := os.ReadFile(filepath.Join(dir, "proxy.conf"))
	require.NoError(t, err)
	require.Equal(t, "listen 127.0.0.1:81", string(written))
}

func TestVariantsOfAContestantDifferOnlyInWhatTheySay(t *testing.T) {
	all, err := readContestants(nil)
	require.NoError(t, err)
	byName := map[string]Contestant{}
	for _, c := range all {
		byName[c.Name] = c
	}
	warm, strict := byName["Gatehouse warm"], byName["Gatehouse strict"]
	require.Equal(t, warm.Files, strict.Files)
	require.Equal(t, warm.Refuses, strict.Refuses)
	require.Equal(t, "strict", strict.Environment["GATEHOUSE_DENYLIST_MODE"])
	require.NotContains(t, warm.Environment, "GATEHOUSE_DENYLIST_MODE")
	require.Empty(t, byName["Gatehouse public route"].Tokens)
	for name, beside := range map[string]string{"Gatehouse DPoP warm": "Gatehouse warm", "Gatehouse DPoP cold": "Gatehouse cold ES256"} {
		bound, bearer := byName[name], byName[beside]
		require.Equal(t, []string{beside}, bound.Beside)
		require.Equal(t, bearer.Files, bound.Files)
		require.Equal(t, bearer.Environment, bound.Environment)
		require.Subset(t, bound.Refuses, bearer.Refuses)
		require.Contains(t, bound.Refuses, "proof used before")
		require.Equal(t, Tokens{Algorithm: bearer.Tokens.Algorithm, Fresh: bearer.Tokens.Fresh, Bound: true}, bound.Tokens)
	}
	require.Equal(t, []Goal{{1.25, "nginx"}}, warm.AtMost)
	require.Equal(t, byName["nginx"].Files, byName["nginx keeping its heap"].Files)
}

func TestPlainProxiesAreThoseThatCheckNothing(t *testing.T) {
	all, err := readContestants(nil)
	require.NoError(t, err)
	var plain []string
	for _, c := range all {
		if c.Plain {
			plain = append(plain, c.Name)
		}
	}
	require.Equal(t, []string{"nginx", "nginx keeping its heap", "HAProxy"}, plain)
}

func TestAimForColdRS256(t *testing.T) {
	all, err := readContestants(nil)
	require.NoError(t, err)
	require.Equal(t, []Goal{{1.1, "HAProxy RS256"}}, named(all, "Gatehouse cold RS256")[0].AtMost)
}

func TestAContestantThatCannotBeUsedIsRefused(t *testing.T) {
	for _, test := range []struct{ old, new, want string }{
		{"name: another", "name: nginx", "two contestants are named"},
		{"name: another", "title: another", "title not found"},
		{"name: another", "name: another, one", "comma"},
		{"command:", "#", "command is missing"},
		{"ready: http://{{.Listen}}/health", "", "ready is missing"},
		{"target: http://{{.Listen}}/balance", "", "target is missing"},
		{"RS256", "HS256", "tokens.algorithm"},
		{"algorithm: RS256, ", "", "tokens.fresh"},
		{"algorithm: RS256, fresh", "bound", "tokens.bound"},
		{"at_most: [{times: 2, of: nginx}]", "beside: [nobody]", `"nobody"`},
		{"refuses:", "plain: true\n    refuses:", "a plain proxy refuses nothing"},
		{"[signature", "[signatures", `no "signatures"`},
		{"{{.Upstream}}", "{{.Origin}}", "Origin"},
		{"{{.Upstream}}", "{{.Upstream", "unclosed"},
		{"of: nginx", "of: nobody", `"nobody"`},
	} {
		t.Run(test.want, func(t *testing.T) {
			require.Contains(t, another, test.old)
			file := filepath.Join(t.TempDir(), "more.yaml")
			require.NoError(t, os.WriteFile(file, []byte(strings.Replace(another, test.old, test.new, 1)), 0o600))
			_, err := readContestants([]string{file})
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestContestantsAreChosenByNameOrItsBeginning(t *testing.T) {
	all := []Contestant{{Name: "nginx"}, {Name: "Gatehouse warm, too"}, {Name: "Gatehouse warm"}}
	for name, want := range map[string][]Contestant{
		"gatehouse": all[1:], "gatehouse WARM": all[2:], "Gatehouse warm,": all[1:2], "warm": nil, "nginxx": nil,
	} {
		require.Equal(t, want, named(all, name), name)
	}
}
