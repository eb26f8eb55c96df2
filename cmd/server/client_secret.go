package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
	"gatehouse/authz/admin"
)

func newClientSecret(configPath *string) *cobra.Command {
	op := operation{configPath: configPath, needs: config.Needs{Tells: true}}
	var out output
	var yes confirmation
	secret := &cobra.Command{
		Use:   "secret ID",
		Short: "Give a client a new secret",
		Long: "Prints a new secret. It is shown this once: only a hash is kept. The old one is void at once, so that the\n" +
			"application gets no tokens until it has the new one; tokens that it has stay good.",
		Example: "  gatehouse client secret VqX3ZkF0bN1yTtWc\n" +
			"  gatehouse client secret VqX3ZkF0bN1yTtWc --yes --json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := yes.possible(cmd); err != nil {
				return err
			}
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				client, err := operator.Client(ctx, args[0])
				if err != nil {
					return explain(err, "client", args[0])
				}
				if !client.Public && !client.HasKeys() { // which have none, as NewSecret says
					question := fmt.Sprintf("Give client %q (%q) a new secret? The one it has is void at once.", client.ID, client.Name)
					if err := yes.ask(cmd, question); err != nil {
						return err
					}
				}
				secret, err := operator.NewSecret(ctx, args[0])
				if err != nil {
					return explain(err, "client", args[0])
				}
				client = asStored(ctx, operator, client)
				return out.print(cmd, createdOf(client, secret), func(t *table) { clientDetails(t, client, secret) })
			})
		},
	}
	yes.flag(secret)
	op.actorFlag(secret)
	out.flag(secret)
	return secret
}
