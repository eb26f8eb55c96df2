package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

func newCommand() *cobra.Command {
	var configPath string
	root := &cobra.Command{
		Use:   "server",
		Short: "Gatehouse: OAuth 2.0 authorization server and API gateway",
		Long: "Gatehouse lets users give third-party applications limited access to an API, and take it back at once.\n" +
			"It is configured by a YAML file and by environment variables; docs/configuration.md lists every key.\n\n" +
			"serve, authz and gateway run it. client, key, revoke, audit, import and migrate work on the configured database and\n" +
			"Redis, whether a server runs or not, and need only that part of the configuration to be valid.\n\n" +
			exitCodes,
		Example: "  server serve --config config.yaml\n" +
			"  server client create --name 'My application' --redirect-uri https://app.example/callback\n" +
			"  server revoke --user 42",
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.PersistentFlags().StringVarP(&configPath, "config", "c", defaultConfigPath(),
		"configuration file; empty for none (environment GATEHOUSE_CONFIG)")
	root.AddCommand(
		newServe(&configPath), newAuthz(&configPath), newGateway(&configPath), newHealth(&configPath),
		newCheck(&configPath), newMigrate(&configPath),
		newClient(&configPath), newKey(&configPath), newRevoke(&configPath), newAudit(&configPath), newImport(&configPath),
	)
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
