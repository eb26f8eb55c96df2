package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
	"gatehouse/gateway"
)

func newCheck(configPath *string) *cobra.Command {
	var roleName string
	check := &cobra.Command{
		Use:   "check",
		Short: "Report every problem of the configuration at once",
		Long: "Reads the configuration as serve would and prints each problem on a line of its own.\n" +
			"Without problems it prints what does not fit together, and of each scope what users are told that it allows, and why:\n" +
			"to read, to write or to spend (docs/routes.md).\n" +
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
			if role.HasAuthz() {
				if err := tellRisks(cmd.OutOrStdout(), cfg.Routes); err != nil {
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

// tellRisks says of each scope how users are told of it, and why.
func tellRisks(out io.Writer, routes []gateway.Route) error {
	risks := gateway.Risks(routes)
	for _, scope := range slices.Sorted(maps.Keys(risks)) {
		if _, err := fmt.Fprintf(out, "scope %s: %s, because %s\n", scope, risks[scope].Risk, risks[scope].Because); err != nil {
			return err
		}
	}
	return nil
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
