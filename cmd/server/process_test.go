package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// beServer in the environment makes the tests' own binary be the server, which is then tested as a process: what it
// prints where, and its exit code.
const beServer = "TESTS_RUN_MAIN"

const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(beServer) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// site is a configuration, by its environment, that commands are run with.
type site struct {
	*testing.T
	env map[string]string
}

// with is the same site, configured differently: name, value, name, value.
func (s site) with(pairs ...string) site {
	s.env = maps.Clone(s.env)
	for i := 0; i < len(pairs); i += 2 {
		s.env[pairs[i]] = pairs[i+1]
	}
	return s
}

func (s site) command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = []string{
		beServer + "=1", "GATEHOUSE_CONFIG=" + s.env["GATEHOUSE_CONFIG"],
		"GORACE=atexit_sleep_ms=0", // a second at the end of each process, where they are built with -race
	}
	for name, value := range s.env {
		command.Env = append(command.Env, name+"="+value)
	}
	command.Dir = s.TempDir()
	command.WaitDelay = patience
	return command
}

// ended is how a command ended.
type ended struct {
	code           int
	stdout, stderr string
}

func (s site) run(args ...string) ended {
	s.Helper()
	return s.runWith(nil, args...)
}

func (s site) runWith(stdin io.Reader, args ...string) ended {
	s.Helper()
	var stdout, stderr bytes.Buffer
	command := s.command(s.Context(), args...)
	command.Stdin, command.Stdout, command.Stderr = stdin, &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(s, err)
	}
	return ended{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// ok runs a command that ends well and says nothing on stderr, and returns what it printed.
func (s site) ok(args ...string) string {
	s.Helper()
	e := s.run(args...)
	require.Zero(s, e.code, e.stderr)
	require.Empty(s, e.stderr)
	return e.stdout
}

// object runs a command that prints one JSON object.
func (s site) object(args ...string) map[string]any {
	s.Helper()
	return decode[map[string]any](s, s.ok(append(args, "--json")...))
}

// list runs a command that prints a JSON array of objects.
func (s site) list(args ...string) []map[string]any {
	s.Helper()
	return decode[[]map[string]any](s, s.ok(append(args, "--json")...))
}

// refused runs a command that fails with the code, prints nothing, and says why.
func (s site) refused(code int, why string, args ...string) {
	s.Helper()
	e := s.run(args...)
	require.Equal(s, code, e.code, e.stderr)
	require.Empty(s, e.stdout)
	require.Contains(s, e.stderr, why)
}

// audit is every change that was recorded, newest first: action and target.
func (s site) audit() []string {
	s.Helper()
	changes := []string{}
	for _, record := range s.list("audit", "list") {
		changes = append(changes, record["action"].(string)+" "+record["target"].(string))
	}
	return changes
}

func decode[T any](t require.TestingT, text string) (value T) {
	decoder := json.NewDecoder(bytes.NewBufferString(text))
	require.NoError(t, decoder.Decode(&value), text)
	require.False(t, decoder.More(), text)
	return value
}

func keysOf(object map[string]any) []string {
	return slices.Sorted(maps.Keys(object))
}
