package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// programDir is where the server is built, once for all tests.
var programDir string

func TestMain(m *testing.M) {
	var err error
	if programDir, err = os.MkdirTemp("", "gatehouse-deploy-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(programDir)
	os.Exit(code)
}

var program = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(programDir, "server")
	build := exec.Command("go", "build", "-C", "..", "-trimpath", "-o", path, "./cmd/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the Dockerfile does
	output, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, output)
	}
	return path, nil
})

// check asks the server what it thinks of a configuration file and an environment; environment is all that it sees.
func check(t *testing.T, role, config string, environment map[string]string) (output string, err error) {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	command := exec.Command(path, "check", "--role", role, "--config", config)
	command.Env = []string{}
	for name, value := range environment {
		command.Env = append(command.Env, name+"="+value)
	}
	printed, err := command.CombinedOutput()
	return string(printed), err
}

var variable = regexp.MustCompile("`(GATEHOUSE_[A-Z_]+)`")

// requireKnown fails unless the server reads the variable, according to docs/configuration.md, which a test
// of the server's holds to be complete.
func requireKnown(t *testing.T, name string) {
	t.Helper()
	for _, known := range variable.FindAllStringSubmatch(readFile(t, "../docs/configuration.md"), -1) {
		if name == known[1] {
			return
		}
	}
	require.Fail(t, "the server knows no "+name)
}

func TestTheImageIsBuiltWithTheModulesGo(t *testing.T) {
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "../go.mod"))
	require.NotNil(t, version)
	require.Contains(t, readFile(t, "../Dockerfile"), "ARG GO_VERSION="+version[1]+"\n")
}

func TestTheImageRunsAsSomebodyWithoutAShell(t *testing.T) {
	dockerfile := readFile(t, "../Dockerfile")
	final := dockerfile[strings.LastIndex(dockerfile, "\nFROM "):]
	require.Contains(t, final, "\nFROM scratch\n")
	require.Regexp(t, `\nUSER [1-9]\d*:[1-9]\d*\n`, final)
	for _, instruction := range []string{"ENTRYPOINT", "CMD"} {
		require.Regexp(t, instruction+` \[`, final, "the form that needs no shell")
	}
	require.NotContains(t, final, "\nRUN ")
}
