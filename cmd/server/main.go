// Command server runs Gatehouse. See its help, or README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes: a configuration that cannot be used is told apart from a failure while running, so that a supervisor knows
// which one is worth a restart.
const (
	exitFailure       = 1
	exitConfiguration = 2
)

var errConfiguration = errors.New("configuration cannot be used")

func main() {
	// A second signal ends the process at once: stop() gives it its usual meaning back.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)

	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, errConfiguration) {
			os.Exit(exitConfiguration)
		}
		os.Exit(exitFailure)
	}
}

func newCommand() *cobra.Command {
	var configPath string
	root := &cobra.Command{
		Use:   "server",
		Short: "Gatehouse: OAuth 2.0 authorization server and API gateway",
		Long: "Gatehouse lets users give third-party applications limited access to an API, and take it back at once.\n" +
			"It is configured by a YAML file and by environment variables; README.md lists every key.",
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.PersistentFlags().StringVarP(&configPath, "config", "c", defaultConfigPath(),
		"configuration file; empty for none (environment GATEHOUSE_CONFIG)")
	root.AddCommand(newServe(&configPath), newAuthz(&configPath), newGateway(&configPath), newCheck(&configPath))
	root.AddCommand(newHealth(&configPath))
	return root
}

func defaultConfigPath() string {
	if path, ok := os.LookupEnv("GATEHOUSE_CONFIG"); ok {
		return path
	}
	return "config.yaml"
}
