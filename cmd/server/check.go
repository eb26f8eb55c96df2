package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gatehouse/app"
)

func newCheck(configPath *string) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Report every problem of the configuration at once",
		Long: "Reads the configuration as serve would and prints each problem on a line of its own.\n" +
			"Nothing is started and no other server is asked. Exit code 2 means that there are problems.",
		Example: "  server check --config config.yaml\n" +
			"  GATEHOUSE_LISTEN=:8080 server check",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := load(*configPath)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: no problems, %d routes\n", named(*configPath), len(config.Routes))
			return err
		},
	}
}

// load reads the configuration; its error lists every problem and is one of configuration.
func load(path string) (app.Config, error) {
	config, err := app.Load(path, os.LookupEnv)
	if err != nil {
		return config, fmt.Errorf("%w:\n%w", errConfiguration, err)
	}
	return config, nil
}

func named(path string) string {
	if path == "" {
		return "environment"
	}
	return path
}
