package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bashCompletion is what scripts for bash rely on.
const bashCompletion = "/usr/share/bash-completion/bash_completion"

// shell runs a script in a shell that finds the program as gatehouse, and returns what it prints.
func (s site) shell(script string, command ...string) string {
	s.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		s.Skipf("%s is not installed; make test installs it", command[0])
	}
	program, err := os.Executable()
	require.NoError(s, err)
	dir := s.TempDir()
	require.NoError(s, os.Symlink(program, filepath.Join(dir, "gatehouse")))
	shell := exec.CommandContext(s.Context(), command[0], append(command[1:], script)...)
	shell.Env = append(os.Environ(), beServer+"=1", "GATEHOUSE_CONFIG=", "HOME="+dir, "PATH="+dir+":"+os.Getenv("PATH"))
	shell.Dir = dir
	output, err := shell.CombinedOutput()
	require.NoError(s, err, "%s", output)
	return string(output)
}

// In the test a shell is asked what it would offer after what somebody has typed.
func TestShellsCompleteTheCommands(t *testing.T) {
	asked := map[string][]string{
		"gatehouse cl":                            {"client"},
		"gatehouse client s":                      {"secret", "show"},
		"gatehouse client create --redi":          {"--redirect-uri"},
		"gatehouse check --role ":                 {"serve", "authz", "gateway"},
		"gatehouse client create --grant-type cl": {"client_credentials"},
		"gatehouse completion ":                   {"bash", "zsh", "fish"},
	}
	t.Run("bash", func(t *testing.T) {
		if _, err := os.Stat(bashCompletion); err != nil {
			t.Skip("bash-completion is not installed; make test installs it")
		}
		for typed, want := range asked {
			offered := site{T: t}.shell(`source `+bashCompletion+`; source <(gatehouse completion bash) || exit
				compopt() { :; } # it works only where somebody types
				COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
				read -ra COMP_WORDS <<<"$1"
				[[ $1 != *' ' ]] || COMP_WORDS+=('')
				COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
				complete -p gatehouse >/dev/null && __start_gatehouse && printf '%s\n' "${COMPREPLY[@]%% *}"`,
				"bash", "--norc", "-c", `set -- "`+typed+`"; eval "$0"`)
			require.ElementsMatch(t, want, strings.Fields(offered), typed)
		}
	})
	t.Run("fish", func(t *testing.T) {
		for typed, want := range asked {
			offered := site{T: t}.shell(`gatehouse completion fish | source; complete -C '`+typed+`' | cut -f 1`, "fish", "--no-config", "-c")
			require.ElementsMatch(t, want, strings.Fields(offered), typed)
		}
	})
	t.Run("zsh", func(t *testing.T) {
		require.Equal(t, "_gatehouse\n", site{T: t}.shell(
			`autoload -U compinit && compinit -u && source <(gatehouse completion zsh) && print $_comps[gatehouse]`, "zsh", "-f", "-c"))
		for typed, want := range asked {
			offered := site{T: t}.shell(`autoload -U compinit && compinit -u && source <(gatehouse completion zsh)
				_describe() { print -l -- ${${(P)2}%%:*} }
				words=(${(s. .)1}); [[ $1 != *' ' ]] || words+=('')
				CURRENT=$#words; _gatehouse`, "zsh", "-f", "-c", `set -- "`+typed+`"; eval "$0"`)
			for _, offer := range want {
				require.Contains(t, offered, offer, typed)
			}
		}
	})
}
