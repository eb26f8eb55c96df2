package budget_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
	"gatehouse/registry"
)

func TestTheDefaultHoldsWhereNobodyWasAsked(t *testing.T) {
	l, clock := newLedger(t)
	l.Default = budget.Limit{Most: 10, Period: budget.Day, MostAtOnce: 6}
	b, exists, err := l.Of(t.Context(), ann)
	require.NoError(t, err)
	require.False(t, exists)
	require.EqualValues(t, 10, b.Left())
	require.NoError(t, reserve(t, l, "1", 6))
	var exceeded *registry.BudgetExceededError
	require.ErrorAs(t, reserve(t, l, "2", 5), &exceeded)
	require.EqualValues(t, 4, exceeded.Budget.Left())
	require.Equal(t, noon.Truncate(24*time.Hour).AddDate(0, 0, 1), budget.RenewsAt(exceeded.Budget))

	l.Default.Most = 100
	require.Error(t, reserve(t, l, "2", 5), "it was stored with the first payment")
	clock.Advance(24 * time.Hour)
	b, exists, err = l.Of(t.Context(), ann)
	require.NoError(t, err)
	require.True(t, exists)
	require.EqualValues(t, 10, b.Left(), "a day has passed, in which nobody has spent anything")
	of, err := l.OfSubject(t.Context(), ann.Subject)
	require.NoError(t, err)
	require.Equal(t, []registry.Budget{b}, of)
}

// A user who consents again, or changes the period, gives no fresh budget: what was spent since the first consent's windows counts.
func TestConsentingAgainMakesNoFreshBudget(t *testing.T) {
	for _, fromConsent := range []bool{false, true} {
		l, clock := newLedger(t)
		l.FromConsent = fromConsent
		clock.Set(time.Date(2031, 3, 1, 12, 0, 0, 0, time.UTC))
		first := allow(t, l, 100, budget.None)
		require.Equal(t, fromConsent, !first.AnchoredAt.IsZero())
		require.NoError(t, reserve(t, l, "1", 80))
		clock.Advance(2 * time.Hour)
		for _, period := range []budget.Period{budget.None, budget.Day, budget.Week, budget.Month, budget.Year, budget.Day, budget.None} {
			b := allow(t, l, 100, period)
			require.EqualValues(t, 20, b.Left(), "%s, from consent: %v", period, fromConsent)
			require.Equal(t, first.AnchoredAt, b.AnchoredAt)
			require.Error(t, reserve(t, l, "2", 21), "%s, from consent: %v", period, fromConsent)
		}
	}
}

func TestWhatIsSetIsAsItStandsNow(t *testing.T) {
	l, clock := newLedger(t)
	allow(t, l, 100, budget.Day)
	require.NoError(t, reserve(t, l, "1", 80))
	clock.Advance(24 * time.Hour)
	require.EqualValues(t, 50, allow(t, l, 50, budget.Day).Left())
}

func TestALimitThatCannotBeIsNotSet(t *testing.T) {
	l, _ := newLedger(t)
	l.RefuseUnlimited = true
	for _, bad := range []budget.Limit{
		{Most: -2, Period: budget.Day, MostAtOnce: budget.NoLimit}, {Most: registry.MaxAmount + 1, Period: budget.Day, MostAtOnce: budget.NoLimit},
		{Most: 1, Period: "fortnight", MostAtOnce: budget.NoLimit}, {Most: 1, Period: budget.Day, MostAtOnce: -2}, {},
	} {
		_, err := l.Set(t.Context(), ann, bad)
		require.ErrorIs(t, err, budget.ErrBadLimit)
	}
	_, err := l.Set(t.Context(), ann, budget.Limit{Most: budget.NoLimit, Period: budget.None, MostAtOnce: 5})
	require.ErrorIs(t, err, budget.ErrUnlimited)
	_, exists, err := l.Of(t.Context(), ann)
	require.NoError(t, err)
	require.False(t, exists)
	require.Zero(t, allow(t, l, 0, budget.None).Left(), "nothing may be spent")
}

func TestWhatAllowsNoMore(t *testing.T) {
	of := func(most int64, p budget.Period, atOnce int64) budget.Limit {
		return budget.Limit{Most: most, Period: p, MostAtOnce: atOnce}
	}
	none := int64(budget.NoLimit)
	for _, test := range []struct {
		a, b budget.Limit
		want bool
	}{
		{of(5, budget.Day, none), of(5, budget.Day, none), true},
		{of(6, budget.Day, none), of(5, budget.Day, none), false},
		{of(5, budget.Day, none), of(5, budget.Week, none), false},
		{of(5, budget.Day, none), budget.Unlimited, true},
		{budget.Unlimited, of(5, budget.Day, none), false},
		{of(5, budget.Day, 3), of(5, budget.Day, 4), true},
		{of(5, budget.Day, none), of(5, budget.Day, 4), false},
		{of(0, budget.Day, 0), of(5, budget.Day, 4), true},
	} {
		require.Equal(t, test.want, test.a.AllowsNoMoreThan(test.b), "%v %v", test.a, test.b)
	}
}
