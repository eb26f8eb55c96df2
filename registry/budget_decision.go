package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// Decision is what a user decides about a budget while allowing a client something.
type Decision struct {
	// Budget is as SetBudget takes it. Its Revision is that of the budget which the decision replaces, 0 where there is none.
	Budget  Budget
	Windows Windows
}

// setDecided stores decisions in the order in which they are given. ErrBudgetChanged.
func (r *Registry) setDecided(ctx context.Context, tx bun.Tx, decided []Decision) error {
	for _, d := range decided {
		_, err := r.setBudget(ctx, tx, d.Budget, d.Windows, func(now Budget) error {
			if now.Revision != d.Budget.Revision {
				return ErrBudgetChanged
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkDecisions requires that they are about the grant's subject and client.
func checkDecisions(decided []Decision, g Grant) error {
	var problems []error
	for _, d := range decided {
		problems = append(problems, d.Budget.check())
		if d.Budget.Subject != g.Subject || d.Budget.ClientID != g.ClientID || d.Windows == nil {
			problems = append(problems, fmt.Errorf("%w: a budget of somebody else", ErrInvalid))
		}
	}
	return errors.Join(problems...)
}
