package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
	"gatehouse/authz"
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
	var how authz.ImportRun
	command := &cobra.Command{
		Use:   "oauth2server --from DATABASE_URI",
		Short: "Take over clients, grants and tokens of oauth2server",
		Long: "Reads oauth2server's database, which it does not change, and takes over\n" +
			"  clients: id, secret, domain, name, picture, landing page, whether they are public;\n" +
			"  grants: user, scopes and the refresh token, which works once here and is then rotated as every other;\n" +
			"  access tokens, which go on working at the gateway where import.opaque_tokens is true.\n" +
			"What is here already is left as it is, what was taken back here stays so. It can be broken off and run again: it\n" +
			"goes on. A grant that an earlier run took, that nobody has used here and whose token oauth2server has no longer, ends;\n" +
			"not when more are gone there than live, as in a database that was emptied, unless --end-missing says so.\n" +
			"Prints what could not be taken, and why. Stop oauth2server before the last run: a token that is used in both has two\n" +
			"successors. docs/import.md says more.",
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
			return op.run(cmd, func(ctx context.Context, operator *authz.Operator) (err error) {
				source, err := oauth2server.Open(ctx, from)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, source.Close()) }()
				report, err := operator.ImportOAuth2Server(ctx, source, how)
				if errors.Is(err, authz.ErrSourceEmptied) {
					err = fmt.Errorf("%w; --end-missing ends them", err)
				}
				return errors.Join(err, out.print(cmd, importOf(report, how.Rehearse, err == nil), func(t *table) { importTable(t, report, how.Rehearse, err == nil) }))
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
