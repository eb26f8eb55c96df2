package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// refuseMisuse makes every mistake in how this command, or one below it, is used an errUsage: those that cobra finds, and
// those that it would let pass.
func refuseMisuse(command *cobra.Command) {
	command.SetFlagErrorFunc(misused)
	if command.HasSubCommands() {
		command.Args, command.RunE, command.DisableFlagsInUseLine = cobra.ArbitraryArgs, refuseGroup, true
		command.SuggestionsMinimumDistance = 2
		command.FParseErrWhitelist.UnknownFlags = true // they may belong to the command that was meant
	} else if accept := command.Args; accept != nil {
		command.Args = func(cmd *cobra.Command, args []string) error {
			if err := accept(cmd, args); err != nil {
				return misused(cmd, err)
			}
			return nil
		}
	}
	for _, sub := range command.Commands() {
		refuseMisuse(sub)
	}
}

func misused(cmd *cobra.Command, err error) error {
	return fmt.Errorf("%w: %w\nsee '%s --help'", errUsage, err, cmd.CommandPath())
}

// refuseGroup answers for a command that does nothing itself, and says which commands it has.
func refuseGroup(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		names := make([]string, 0, len(cmd.Commands()))
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		return misused(cmd, fmt.Errorf("%s needs one of %s", cmd.CommandPath(), strings.Join(names, ", ")))
	}
	err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
	}
	return misused(cmd, err)
}
