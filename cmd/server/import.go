package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/authz/oauth2server"
)

// sourceVariable is where --from is taken from, so that no password is seen in the list of processes.
const sourceVariable = "OAUTH2SERVER_DATABASE_URI"

func newImport(configPath *string) *cobra.Command {
	imports := &cobra.Command{
		Use:     "import",
		Short:   "Take over the data of another server",
		Example: "  gatehouse import oauth2server --from postgres://… --dry-run",
	}
	imports.AddCommand(newImportOAuth2Server(configPath))
	return imports
}

func newImportOAuth2Server(configPath *string) *cobra.Command {
	op := operation{configPath: configPath, needs: config.Needs{Routes: true, Bulk: true}}
	var out output
	var from string
	var how admin.ImportRun
	command := &cobra.Command{
		Use:   "oauth2server --from DATABASE_URI",
		Short: "Take over clients, grants and tokens of oauth2server",
		Long: "Reads oauth2server's database, which it does not change, and takes over\n" +
			"  clients: id, secret, domain, name, picture, landing page, whether they are public;\n" +
			"  grants: user, scopes and the refresh token, which works once here and is then rotated as every other;\n" +
			"  access tokens, which go on working at the gateway where import.opaque_tokens is true.\n" +
			"What is here already is left as it is. What was taken back here after an earlier run stays so, also where oauth2server\n" +
			"has refreshed it since. It can be broken off and run again: it goes on. A grant that an earlier run took, that nobody\n" +
			"has used here and whose token oauth2server has no longer, ends; not when more are gone there than live, as in a\n" +
			"database that was emptied, unless --end-missing says so.\n" +
			"Prints what could not be taken, and why. Clients that somebody has to register for that make exit code 5: everything\n" +
			"else was taken. Stop oauth2server before the last run: a token that is used in both has two successors. docs/import.md\n" +
			"says more.",
		Example: "  gatehouse import oauth2server --from postgres://user:password@localhost:5432/oauth --dry-run\n" +
			"  " + sourceVariable + "=postgres://… gatehouse import oauth2server",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" {
				from = os.Getenv(sourceVariable)
			}
			if from == "" {
				return misused(cmd, errors.New("--from is required, or "+sourceVariable))
			}
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) (err error) {
				source, err := oauth2server.Open(ctx, from)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, source.Close()) }()
				report, err := operator.ImportOAuth2Server(ctx, source, how)
				if errors.Is(err, admin.ErrSourceEmptied) {
					err = fmt.Errorf("%w; --end-missing ends them", err)
				}
				complete := err == nil
				if n := report.ToRegister(); complete && n > 0 {
					err = fmt.Errorf("%w: clients to register, by the commands that are printed: %d", errNotAll, n)
				}
				return errors.Join(err, out.print(cmd, importOf(report, how.Rehearse, complete), func(t *table) { importTable(t, report, how.Rehearse, complete) }))
			})
		},
	}
	command.Flags().StringVar(&from, "from", "", "oauth2server's DATABASE_URI (environment "+sourceVariable+")")
	command.Flags().BoolVar(&how.Rehearse, "dry-run", false, "change nothing, and print what would be taken")
	command.Flags().BoolVar(&how.EndMissing, "end-missing", false,
		"end grants of an earlier run that oauth2server has no longer, also when they are more than those that it has")
	op.actorFlag(command)
	out.flag(command)
	return command
}
