package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// typed is a terminal at which somebody types the text.
func typed(t *testing.T, text string) *os.File {
	t.Helper()
	controller, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	fd := int(controller.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, terminal.Close())
		require.NoError(t, controller.Close())
	})
	_, err = controller.WriteString(text)
	require.NoError(t, err)
	return terminal
}

func TestWhatIsTakenAwayForGoodIsConfirmed(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	create := func() string {
		return s.object("client", "create", "--name", "Wallet", "--domain", "https://x.example")["clientId"].(string)
	}
	for answer, confirmed := range map[string]bool{
		"y\n": true, "Yes\n": true, "n\n": false, "\n": false, "yesterday\n": false, "\x04": false, "y\x04\x04": false,
	} {
		t.Run(fmt.Sprintf("%q", answer), func(t *testing.T) {
			for _, command := range [][]string{{"client", "delete"}, {"revoke", "--client"}} {
				id := create()
				e := s.runWith(typed(t, answer), append(command, id)...)
				require.Contains(t, e.stderr, id)
				require.Contains(t, e.stderr, "for good? [y/N]")
				if confirmed {
					require.Zero(t, e.code, e.stderr)
					require.NotEqual(t, "client.create "+id, s.audit()[0])
					continue
				}
				require.Equal(t, 1, e.code)
				require.Contains(t, e.stderr, "nothing was changed")
				require.Equal(t, "client.create "+id, s.audit()[0])
			}
		})
	}

	id := create()
	e := s.runWith(typed(t, "n\n"), "client", "secret", id)
	require.Equal(t, 1, e.code)
	require.Contains(t, e.stderr, "void at once. [y/N]")
	require.Equal(t, "client.create "+id, s.audit()[0], "the secret that it has is still good")
	e = s.runWith(typed(t, "y\n"), "client", "secret", id)
	require.Zero(t, e.code, e.stderr)
	require.Regexp(t, `\nSecret +[A-Za-z0-9_-]{43}\n`, e.stdout)
	require.Equal(t, "client.secret "+id, s.audit()[0])

	require.Zero(t, s.runWith(typed(t, ""), "revoke", "--client", id, "--yes").code, "who confirmed is not asked")
	e = s.runWith(typed(t, ""), "client", "delete", "nobody")
	require.Equal(t, 3, e.code, "there is nothing to confirm")
}

func TestTheQuestionCanBeInterrupted(t *testing.T) {
	s := sqliteSite(t)
	s.ok("migrate")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := s.command(ctx, "revoke", "--user", "7")
	command.Stdin = typed(t, "")
	stderr, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	question := make([]byte, len(`Revoke user "7" for good? [y/N] `))
	_, err = io.ReadFull(stderr, question)
	require.NoError(t, err)
	require.True(t, bytes.HasSuffix(question, []byte("[y/N] ")), string(question))
	require.NoError(t, command.Process.Signal(syscall.SIGINT))
	rest, err := io.ReadAll(stderr)
	require.NoError(t, err)
	require.Contains(t, string(rest), "nothing was changed")
	require.Error(t, command.Wait())
	require.Equal(t, 1, command.ProcessState.ExitCode())
}
