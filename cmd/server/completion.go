package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// completionShells are those that completions are made for, in the order in which they are listed.
var completionShells = []string{"bash", "zsh", "fish"}

func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion (bash | zsh | fish)",
		Short: "Print what makes a shell complete the commands",
		Long: "Prints a script for the shell that reads it:\n" +
			"  bash  source <(gatehouse completion bash)          in ~/.bashrc, with the package bash-completion\n" +
			"  zsh   source <(gatehouse completion zsh)           in ~/.zshrc, after compinit\n" +
			"  fish  gatehouse completion fish | source           in ~/.config/fish/config.fish",
		Example: "  gatehouse completion bash > /etc/bash_completion.d/gatehouse\n" +
			"  gatehouse completion zsh > \"${fpath[1]}/_gatehouse\"\n" +
			"  gatehouse completion fish > ~/.config/fish/completions/gatehouse.fish",
		Args:      cobra.ExactArgs(1),
		ValidArgs: completionShells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			default:
				return misused(cmd, fmt.Errorf("%q is none of %s", args[0], strings.Join(completionShells, ", ")))
			}
		},
	}
}

// completeNoFiles says of every command, of this one and below, that its arguments are no files, where it does not say more.
func completeNoFiles(command *cobra.Command) {
	if command.ValidArgsFunction == nil && command.ValidArgs == nil {
		command.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, sub := range command.Commands() {
		completeNoFiles(sub)
	}
}

// completeFlag offers the values to who completes the flag, which the command has.
func completeFlag(command *cobra.Command, flag string, values ...string) {
	if err := command.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}
