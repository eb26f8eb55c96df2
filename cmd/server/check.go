package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
)

func newCheck(configPath *string) *cobra.Command {
	var roleName string
	check := &cobra.Command{
		Use:   "check",
		Short: "Report every problem of the configuration at once",
		Long: "Reads the configuration as serve would and prints each problem on a line of its own.\n" +
			"Nothing is started and no other server is asked. Exit code 2 means that there are problems.",
		Example: "  gatehouse check --config config.yaml\n" +
			"  gatehouse check --role gateway\n" +
			"  GATEHOUSE_LISTEN=:8080 gatehouse check",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			role, ok := map[string]config.Role{"serve": config.Both, "authz": config.AuthzOnly, "gateway": config.GatewayOnly}[roleName]
			if !ok {
				return misused(cmd, fmt.Errorf("--role must be serve, authz or gateway, not %q", roleName))
			}
			cfg, err := load(*configPath, role)
			if err != nil {
				return err
			}
			for _, warning := range cfg.Warnings(role) {
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "warning: %s\n", warning); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: no problems, %d routes\n", named(*configPath), len(cfg.Routes))
			return err
		},
	}
	check.Flags().StringVar(&roleName, "role", "serve", "the command that the configuration is for: serve, authz or gateway")
	completeFlag(check, "role", "serve", "authz", "gateway")
	return check
}

// load reads the configuration. Its error is an errConfiguration that lists every problem.
func load(path string, role config.Role) (config.Config, error) {
	cfg, err := config.Load(path, role, os.Environ())
	if err != nil {
		return cfg, fmt.Errorf("%w:\n%w", errConfiguration, err)
	}
	return cfg, nil
}

func named(path string) string {
	if path == "" {
		return "environment"
	}
	return path
}
