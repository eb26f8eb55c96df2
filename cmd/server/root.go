package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"gatehouse/app"
)

func newCommand() *cobra.Command {
	var configPath string
	root := &cobra.Command{
		Use:   "gatehouse",
		Short: "Gatehouse: OAuth 2.0 authorization server and API gateway",
		Long: "Gatehouse lets users give third-party applications limited access to an API, and take it back at once.\n" +
			"It is configured by a YAML file and by environment variables; docs/configuration.md lists every key.\n\n" +
			"serve, authz and gateway run it; dev does so with nothing to set up. client, key, revoke, budget, spend, audit, import\n" +
			"and migrate work on the configured database and Redis, whether a server runs or not, and need only that part of the\n" +
			"configuration to be valid.\n\n" +
			exitCodes,
		Example: "  gatehouse dev\n" +
			"  gatehouse serve --config config.yaml\n" +
			"  gatehouse client create --name 'My application' --redirect-uri https://app.example/callback\n" +
			"  gatehouse revoke --user 42",
		Version:           app.ThisBuild().String(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.PersistentFlags().StringVarP(&configPath, "config", "c", defaultConfigPath(),
		"configuration file; empty for none (environment GATEHOUSE_CONFIG)")
	if err := root.MarkPersistentFlagFilename("config", "yaml", "yml"); err != nil {
		panic(err) // there is no such flag
	}
	root.SetVersionTemplate("gatehouse {{.Version}}\n")
	root.AddCommand(
		newServe(&configPath), newAuthz(&configPath), newGateway(&configPath), newDev(), newHealth(&configPath),
		newCheck(&configPath), newMigrate(&configPath),
		newClient(&configPath), newKey(&configPath), newRevoke(&configPath),
		newBudget(&configPath), newSpend(&configPath), newAudit(&configPath), newImport(&configPath),
		newCompletion(),
	)
	completeNoFiles(root)
	refuseMisuse(root)
	return root
}

func defaultConfigPath() string {
	if path, ok := os.LookupEnv("GATEHOUSE_CONFIG"); ok {
		return path
	}
	if _, err := os.Stat("config.yaml"); errors.Is(err, fs.ErrNotExist) {
		return "" // the environment alone may be enough, as it is for oauth2server
	}
	return "config.yaml"
}
