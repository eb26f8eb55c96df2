package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/authz/outbox"
	"gatehouse/registry"
)

// deletion is what the deletion of a client did, for programs.
type deletion struct {
	ID        string `json:"id"`
	Delivered bool   `json:"delivered"` // gateways can read it in Redis

	Unconfirmed *int `json:"unconfirmed_gateways,omitempty"` // that may not have read it yet; nothing when not delivered
}

func newClientDelete(configPath *string) *cobra.Command {
	op := operation{configPath: configPath, needs: config.Needs{Redis: true}}
	var out output
	var yes confirmation
	remove := &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a client and everything it has",
		Long: "Removes the client for good, ends its grants and ends when every gateway refuses its tokens, or after\n" +
			"revocation.wait with the number of gateways that could not be heard from. To keep the client in sight use\n" +
			"revoke --client. After exit code 4 run it again: that the client is not found then means\n" +
			"that every gateway knows.",
		Example: "  gatehouse client delete VqX3ZkF0bN1yTtWc\n" +
			"  gatehouse client delete VqX3ZkF0bN1yTtWc --yes",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := yes.possible(cmd); err != nil {
				return err
			}
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				if err := confirmDeletion(ctx, cmd, &yes, operator, args[0]); err != nil {
					return explain(err, "client", args[0])
				}
				missing, err := operator.DeleteClient(ctx, args[0])
				if err != nil && !errors.Is(err, outbox.ErrUndelivered) {
					return explain(err, "client", args[0])
				}
				done := deletion{ID: args[0], Delivered: err == nil}
				if done.Delivered {
					done.Unconfirmed = &missing
				}
				return errors.Join(err, out.print(cmd, done, func(t *table) {
					t.row("client " + args[0] + " deleted" + unconfirmed(missing))
				}))
			})
		},
	}
	yes.flag(remove)
	op.actorFlag(remove)
	out.flag(remove)
	return remove
}

// confirmDeletion asks about a client that is there. For one that is gone there is nothing to ask: what may be missing
// is that every gateway knows.
func confirmDeletion(
	ctx context.Context, cmd *cobra.Command, yes *confirmation, operator *admin.Operator, id string,
) error {
	client, err := operator.Client(ctx, id)
	if errors.Is(err, registry.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return yes.ask(cmd, fmt.Sprintf("Delete client %q (%q) and everything it has, for good?", client.ID, client.Name))
}
