package budget

import (
	"errors"
	"fmt"

	"gatehouse/registry"
)

// NoLimit as Most or MostAtOnce bounds nothing.
const NoLimit = registry.NoLimit

// Limit is what a user allows a client to spend of a unit, in its smallest parts.
type Limit struct {
	Most       int64 // in each window, or NoLimit
	Period     Period
	MostAtOnce int64 // for each payment, or NoLimit
}

// Unlimited bounds nothing.
var Unlimited = Limit{Most: NoLimit, Period: None, MostAtOnce: NoLimit}

// ErrBadLimit is the error of a Limit that cannot be.
var ErrBadLimit = errors.New("budget: no such limit")

// ErrUnlimited is the error of a Limit that bounds nothing where that is forbidden.
var ErrUnlimited = errors.New("budget: a limit is required")

// LimitOf is the limit of a budget.
func LimitOf(b registry.Budget) Limit { return Limit{b.Most, Period(b.Period), b.MostAtOnce} }

// IsUnlimited reports whether any sum can be spent.
func (l Limit) IsUnlimited() bool { return l.Most == NoLimit }

// AllowsNoMoreThan reports whether nothing is allowed that the other does not allow. Limits of different periods cannot be
// compared, but to one without a limit.
func (l Limit) AllowsNoMoreThan(other Limit) bool {
	within := func(a, b int64) bool { return b == NoLimit || a != NoLimit && a <= b }
	return (l.Period == other.Period || other.IsUnlimited()) && within(l.Most, other.Most) && within(l.MostAtOnce, other.MostAtOnce)
}

// check returns ErrBadLimit where no such limit can be.
func (l Limit) check() error {
	isAmount := func(n int64) bool { return n >= NoLimit && n <= registry.MaxAmount }
	if !isAmount(l.Most) || !isAmount(l.MostAtOnce) || !l.Period.IsKnown() {
		return fmt.Errorf("%w: %d each %s, %d at once", ErrBadLimit, l.Most, l.Period, l.MostAtOnce)
	}
	return nil
}
