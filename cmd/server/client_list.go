package main

import (
	"context"

	"github.com/spf13/cobra"

	"gatehouse/authz/admin"
)

func newClientList(configPath *string) *cobra.Command {
	op := operation{configPath: configPath}
	var out output
	list := &cobra.Command{
		Use:   "list",
		Short: "List the clients",
		Long:  "Prints every client, oldest first. Disabled ones are among them, deleted ones are not.",
		Example: "  gatehouse client list\n" +
			"  gatehouse client list --json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				clients, err := operator.Clients(ctx)
				if err != nil {
					return err
				}
				records := make([]clientRecord, len(clients))
				for i, client := range clients {
					records[i] = recordOf(client)
				}
				return out.print(cmd, records, func(t *table) { clientTable(t, clients) })
			})
		},
	}
	out.flag(list)
	return list
}

func newClientShow(configPath *string) *cobra.Command {
	op := operation{configPath: configPath}
	var out output
	show := &cobra.Command{
		Use:   "show ID",
		Short: "Show a client",
		Long:  "Prints everything that is known of a client but its secret, of which only a hash is kept.",
		Example: "  gatehouse client show VqX3ZkF0bN1yTtWc\n" +
			"  gatehouse client show VqX3ZkF0bN1yTtWc --json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				client, err := operator.Client(ctx, args[0])
				if err != nil {
					return explain(err, "client", args[0])
				}
				return out.print(cmd, recordOf(client), func(t *table) { clientDetails(t, client, "") })
			})
		},
	}
	out.flag(show)
	return show
}
