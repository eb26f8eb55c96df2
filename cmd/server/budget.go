package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"gatehouse/app/config"
	"gatehouse/authz/admin"
	"gatehouse/authz/budget"
	"gatehouse/registry"
)

// noLimit is what a person writes for budget.NoLimit.
const noLimit = "none"

func newBudget(configPath *string) *cobra.Command {
	command := &cobra.Command{
		Use:   "budget",
		Short: "See and set what users let clients spend",
		Example: "  gatehouse budget show --subject 42\n" +
			"  gatehouse budget set --subject 42 --client VqX3ZkF0bN1yTtWc --unit sat --limit 5000 --period month",
	}
	command.AddCommand(newBudgetShow(configPath), newBudgetSet(configPath))
	return command
}

func newBudgetShow(configPath *string) *cobra.Command {
	op := operation{configPath: configPath, needs: config.Needs{Budgets: true}}
	var out output
	var subject, client string
	show := &cobra.Command{
		Use:   "show --subject SUBJECT",
		Short: "Show what a user lets clients spend, and what of it is spent",
		Long: "Prints each budget of a user as it stands now: spent is what was executed in this period, held what may be.\n" +
			"A client that is not listed has spent nothing, and has the limit of budgets.default.",
		Example: "  gatehouse budget show --subject 42\n" +
			"  gatehouse budget show --subject 42 --client VqX3ZkF0bN1yTtWc --json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if subject == "" {
				return misused(cmd, errors.New("--subject is required"))
			}
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				budgets, err := operator.BudgetsOf(ctx, subject, client)
				if err != nil {
					return explain(err, "subject", subject)
				}
				return out.print(cmd, budgets, func(t *table) { budgetTable(t, budgets...) })
			})
		},
	}
	show.Flags().StringVar(&subject, "subject", "", "the user (sub)")
	show.Flags().StringVar(&client, "client", "", "only what this client may spend")
	out.flag(show)
	return show
}

func newBudgetSet(configPath *string) *cobra.Command {
	op := operation{configPath: configPath, needs: config.Needs{Budgets: true, Routes: true}}
	var out output
	var key registry.BudgetKey
	var most, period, atOnce string
	set := &cobra.Command{
		Use:   "set --subject SUBJECT --client CLIENT --unit UNIT --limit (N | none) --period PERIOD",
		Short: "Hold a client to a limit of a user's",
		Long: "Sets what a client may spend of a user's, at once and at every gateway. What was spent in the period stays\n" +
			"spent. The user sees it on the page of applications, and can change it there.",
		Example: "  gatehouse budget set --subject 42 --client VqX3ZkF0bN1yTtWc --unit sat --limit 5000 --period month\n" +
			"  gatehouse budget set --subject 42 --client VqX3ZkF0bN1yTtWc --unit sat --limit 0 --period none\n" +
			"  gatehouse budget set --subject 42 --client VqX3ZkF0bN1yTtWc --unit sat --limit none --max-payment 1000",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			limit, err := limitOf(key, most, period, atOnce)
			if err != nil {
				return misused(cmd, err)
			}
			return op.run(cmd, func(ctx context.Context, operator *admin.Operator) error {
				state, err := operator.SetBudget(ctx, key, limit)
				if err != nil {
					return explain(err, "client", key.ClientID)
				}
				return out.print(cmd, state, func(t *table) { budgetTable(t, state) })
			})
		},
	}
	flags := set.Flags()
	flags.StringVar(&key.Subject, "subject", "", "the user (sub)")
	flags.StringVar(&key.ClientID, "client", "", "the client")
	flags.StringVar(&key.Unit, "unit", "", "what is spent, as routes name it: sat")
	flags.StringVar(&most, "limit", "", "the most in each period, or none")
	flags.StringVar(&period, "period", "", "day, week, month, year or none; required with a limit")
	flags.StringVar(&atOnce, "max-payment", noLimit, "the most for each payment, or none")
	periods := make([]string, 0, len(budget.Periods()))
	for _, p := range budget.Periods() {
		periods = append(periods, string(p))
	}
	completeFlag(set, "period", periods...)
	op.actorFlag(set)
	out.flag(set)
	return set
}

// limitOf is the limit that was asked for.
func limitOf(key registry.BudgetKey, most, period, atOnce string) (limit budget.Limit, err error) {
	if key.Subject == "" || key.ClientID == "" || key.Unit == "" || most == "" {
		return limit, errors.New("--subject, --client, --unit and --limit are required")
	}
	if limit.Most, err = amountOf("limit", most); err != nil {
		return limit, err
	}
	if limit.MostAtOnce, err = amountOf("max-payment", atOnce); err != nil {
		return limit, err
	}
	limit.Period = budget.Period(period)
	if limit.IsUnlimited() && period == "" {
		limit.Period = budget.None
	}
	if !limit.Period.IsKnown() {
		return limit, fmt.Errorf("--period must be one of day, week, month, year and none, not %q", period)
	}
	return limit, nil
}

func amountOf(flag, written string) (int64, error) {
	if written == noLimit {
		return budget.NoLimit, nil
	}
	n, err := strconv.ParseInt(written, 10, 64)
	if err != nil || n < 0 || n > registry.MaxAmount {
		return 0, fmt.Errorf("--%s must be a number of at most %d, or none, not %q", flag, int64(registry.MaxAmount), written)
	}
	return n, nil
}

func budgetTable(t *table, budgets ...admin.BudgetState) {
	t.row("CLIENT", "UNIT", "LIMIT", "PERIOD", "MAX PAYMENT", "SPENT", "HELD", "REMAINING", "RENEWS")
	for _, b := range budgets {
		renews := "never"
		if b.RenewsAt != nil {
			renews = when(*b.RenewsAt)
		}
		t.row(b.ClientID, b.Unit, amountText(b.Limit), string(b.Period), amountText(b.MaxPayment), number(b.Spent), number(b.Held),
			amountText(b.Remaining), renews)
	}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func amountText(n *int64) string {
	if n == nil {
		return noLimit
	}
	return number(*n)
}
