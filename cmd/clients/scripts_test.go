package clients_test

import (
	"context"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The libraries are Debian's, and so are the interpreters that know them.
const (
	python = "/usr/bin/python3"
	ruby   = "/usr/bin/ruby"
)

// runScript runs a file of scripts/ as an application that has a secret.
func runScript(t *testing.T, interpreter, file, imports string) {
	t.Helper()
	known := exec.CommandContext(t.Context(), interpreter, "-c", "import "+imports)
	if interpreter == ruby {
		known = exec.CommandContext(t.Context(), interpreter, "-r"+imports, "-e", "")
	}
	if known.Run() != nil {
		t.Skipf("%s does not know %s; make test installs it", interpreter, imports)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, interpreter, file)
	command.Dir, command.Env = "scripts", append(environment(t, register(t, false)), "PYTHONDONTWRITEBYTECODE=1")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

func TestRequestsOAuthlib(t *testing.T) {
	runScript(t, python, "requests_oauthlib_test.py", "requests_oauthlib")
}
func TestAuthlib(t *testing.T)      { runScript(t, python, "authlib_test.py", "authlib") }
func TestAuthlibSigns(t *testing.T) { runScript(t, python, "authlib_signs_test.py", "authlib") }
func TestPyJWT(t *testing.T)        { runScript(t, python, "pyjwt_test.py", "jwt, requests") }
func TestRubyOAuth2(t *testing.T)   { runScript(t, ruby, "oauth2_test.rb", "oauth2") }
