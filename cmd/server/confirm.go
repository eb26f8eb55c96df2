package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

var errDeclined = errors.New("not confirmed; nothing was changed")

// confirmation is the flag --yes of a command that takes something away for good.
type confirmation struct{ given bool }

func (c *confirmation) flag(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&c.given, "yes", "y", false, "do not ask for confirmation; required where there is no terminal to ask at")
}

// possible refuses a command that nobody can confirm.
func (c *confirmation) possible(cmd *cobra.Command) error {
	if c.given || isTerminal(cmd) {
		return nil
	}
	return misused(cmd, errors.New("there is no terminal to ask for confirmation at, and no --yes"))
}

// ask returns nil when the answer is yes. It blocks until there is an answer or the command is told to end.
func (c *confirmation) ask(cmd *cobra.Command, question string) error {
	if c.given {
		return nil
	}
	if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question); err != nil {
		return err
	}
	answers := make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if err != nil {
			line = "" // input that broke off is no yes
		}
		answers <- line
	}()
	select {
	case answer := <-answers:
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
			return nil
		}
	case <-cmd.Context().Done():
	}
	return errDeclined
}

func isTerminal(cmd *cobra.Command) bool {
	file, ok := cmd.InOrStdin().(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}
