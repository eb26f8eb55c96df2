package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/registry"
)

func newSpend(configPath *string) *cobra.Command {
	spend := &cobra.Command{
		Use:   "spend",
		Short: "List payments, and say what became of one",
		Example: "  gatehouse spend list --unknown\n" +
			"  gatehouse spend resolve 4A4KWDHA3U7L7J7QTNTNOBLYHR --voided",
	}
	spend.AddCommand(newSpendList(configPath), newSpendResolve(configPath))
	return spend
}

func newSpendList(configPath *string) *cobra.Command {
	op := operation{configPath: configPath}
	var out output
	var subject, client, after string
	var unknown bool
	var limit int
	list := &cobra.Command{
		Use:   "list (--subject SUBJECT --client CLIENT | --unknown)",
		Short: "List payments of a client for a user, or all of which it is not known whether they were made",
		Long: "Prints payments with their state:\n" +
			"  held     its request is under way\n" +
			"  posted   it was made; COST is what it cost\n" +
			"  voided   it was not made, nor will be\n" +
			"  unknown  it may have been made, and counts as spent until that is known\n" +
			"Those of a client are listed newest first, unknown ones oldest first. Each page ends with how to get the next.",
		Example: "  gatehouse spend list --unknown\n" +
			"  gatehouse spend list --subject 42 --client VqX3ZkF0bN1yTtWc --json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch isOf := subject != "" && client != ""; {
			case unknown == isOf, unknown && subject+client != "":
				return misused(cmd, errors.New("either --subject and --client are required, or --unknown"))
			case limit < 1:
				return misused(cmd, errors.New("--limit must be at least 1"))
			}
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				var spends []admin.SpendState
				var err error
				if unknown {
					spends, err = operator.UnknownSpends(ctx, after, limit)
				} else {
					spends, err = operator.Spends(ctx, subject, client, after, limit)
				}
				if err != nil {
					return explain(err, "payment", after)
				}
				if err := out.print(cmd, spends, func(t *table) { spendTable(t, spends...) }); err != nil || len(spends) < limit || out.json {
					return err
				}
				_, err = fmt.Fprintf(cmd.ErrOrStderr(), "There may be more: --after %s\n", spends[len(spends)-1].ID)
				return err
			})
		},
	}
	flags := list.Flags()
	flags.StringVar(&subject, "subject", "", "payments for this user (sub)")
	flags.StringVar(&client, "client", "", "payments of this client")
	flags.BoolVar(&unknown, "unknown", false, "payments of which it is not known whether they were made")
	flags.StringVar(&after, "after", "", "only payments that follow the one with this id")
	flags.IntVar(&limit, "limit", 50, "how many payments at most")
	out.flag(list)
	return list
}

func newSpendResolve(configPath *string) *cobra.Command {
	op := operation{configPath: configPath, needs: config.Needs{Budgets: true}}
	var out output
	var yes confirmation
	var posted int64
	var voided bool
	resolve := &cobra.Command{
		Use:   "resolve ID (--posted N | --voided)",
		Short: "Say what became of a payment of which it is unknown",
		Long: "Settles a payment for good. Look first at the upstream whether it was made:\n" +
			"  --posted N  it was, and cost N with everything\n" +
			"  --voided    it was not, and will not be: the user's budget has it back, and it may be tried again\n" +
			"A payment whose request is under way cannot be settled here. Saying the same again is no error.",
		Example: "  gatehouse spend resolve 4A4KWDHA3U7L7J7QTNTNOBLYHR --posted 2013\n" +
			"  gatehouse spend resolve 4A4KWDHA3U7L7J7QTNTNOBLYHR --voided --yes",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			isPosted := cmd.Flags().Changed("posted")
			if isPosted == voided {
				return misused(cmd, errors.New("exactly one of --posted and --voided is required"))
			}
			if posted < 0 || posted > registry.MaxAmount {
				return misused(cmd, fmt.Errorf("--posted must be 0 to %d", int64(registry.MaxAmount)))
			}
			if err := yes.possible(cmd); err != nil {
				return err
			}
			id := args[0]
			to, question := registry.Outcome{State: registry.Voided}, fmt.Sprintf("Settle payment %q as never made, for good?", id)
			if isPosted {
				to = registry.Outcome{State: registry.Posted, Cost: posted}
				question = fmt.Sprintf("Settle payment %q as made, at a cost of %d, for good?", id, posted)
			}
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				if err := yes.ask(cmd, question); err != nil {
					return err
				}
				resolved, err := operator.ResolveSpend(ctx, id, to)
				switch {
				case errors.Is(err, registry.ErrSettled):
					return fmt.Errorf("payment %q is %s already, at a cost of %d", id, resolved.State, resolved.Cost)
				case errors.Is(err, admin.ErrInFlight):
					return fmt.Errorf("payment %q: %w; if not, it becomes unknown at %s", id, err, when(*resolved.InquireAt))
				case err != nil:
					return explain(err, "payment", id)
				}
				return out.print(cmd, resolved, func(t *table) { spendTable(t, resolved) })
			})
		},
	}
	resolve.Flags().Int64Var(&posted, "posted", 0, "it was made, and cost this much")
	resolve.Flags().BoolVar(&voided, "voided", false, "it was not made, and will not be")
	yes.flag(resolve)
	op.actorFlag(resolve)
	out.flag(resolve)
	return resolve
}

func spendTable(t *table, spends ...admin.SpendState) {
	t.row("ID", "RESERVED", "STATE", "HELD", "COST", "UNIT", "SUBJECT", "CLIENT", "ROUTE", "PAYS")
	for _, s := range spends {
		t.row(s.ID, when(s.ReservedAt), s.State, number(s.Held), number(s.Cost), s.Unit, s.Subject, s.ClientID, s.Route, s.Once)
	}
}
