package registry_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// windows are days and months of UTC, or one that never ends.
func windows(b registry.Budget, at time.Time) (start, end time.Time) {
	at = at.UTC()
	switch b.Period {
	case "day":
		start = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
		return start, start.AddDate(0, 0, 1)
	case "month":
		start = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
		return start, start.AddDate(0, 1, 0)
	}
	return time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}
}

var budgetOfAnn = registry.BudgetKey{Subject: "ann", ClientID: "app", Unit: "sat"}

func (w *world) allowSpending(most, atOnce int64, period string) registry.Budget {
	w.t.Helper()
	b, err := w.SetBudget(w.ctx, registry.Budget{BudgetKey: budgetOfAnn, Most: most, MostAtOnce: atOnce, Period: period}, windows)
	require.NoError(w.t, err)
	return b
}

func (w *world) spend(id, once string, amount int64) registry.Spend {
	return registry.Spend{
		ID: id, Subject: "ann", ClientID: "app", Unit: "sat", Once: once, Route: "POST /pay", Lookup: "look", Amount: amount,
		InquireAt: w.Now().Add(time.Minute),
	}
}

func (w *world) reserve(id string, amount int64) error {
	_, _, err := w.Reserve(w.ctx, w.spend(id, "hash-"+id, amount), windows)
	return err
}

func (w *world) settle(id, state string, cost int64) {
	w.t.Helper()
	s, err := w.Settle(w.ctx, id, registry.Outcome{State: state, Cost: cost, InquireAt: w.Now().Add(time.Hour)})
	require.NoError(w.t, err)
	require.Equal(w.t, state, s.State)
}

// requireSpent holds the budget to what is expected, and to the sum of its spends.
func (w *world) requireSpent(spent, held int64) {
	w.t.Helper()
	b, err := w.Budget(w.ctx, budgetOfAnn)
	require.NoError(w.t, err)
	require.Equal(w.t, []int64{spent, held}, []int64{b.Spent, b.Held})
	all, err := w.Spends(w.ctx, "ann", "app", registry.Spend{}, 1000)
	require.NoError(w.t, err)
	for _, s := range all {
		switch {
		case s.ReservedAt.Before(b.WindowStart):
		case s.State == registry.Posted:
			spent -= s.Cost
		case !s.IsSettled():
			held -= s.Amount
		}
	}
	require.Zero(w.t, spent, "of the sum of spends")
	require.Zero(w.t, held, "of the sum of spends")
}

func requireExceeded(t *testing.T, err error, left int64) {
	t.Helper()
	var exceeded *registry.BudgetExceededError
	require.ErrorAs(t, err, &exceeded)
	require.Equal(t, left, exceeded.Budget.Left())
}

func budgetSpent(t *testing.T, w *world) {
	require.ErrorIs(t, w.reserve("s0", 1), registry.ErrNotFound, "nobody has allowed anything")
	b := w.allowSpending(100, 60, "month")
	require.EqualValues(t, 100, b.Left())

	require.NoError(t, w.reserve("s1", 60))
	w.requireSpent(0, 60)
	requireExceeded(t, w.reserve("s2", 41), 40)
	require.NoError(t, w.reserve("s3", 40))
	requireExceeded(t, w.reserve("s4", 1), 0)
	require.NoError(t, w.reserve("free", 0))

	w.settle("s1", registry.Posted, 55)
	w.requireSpent(55, 40)
	w.settle("s3", registry.Voided, 0)
	w.requireSpent(55, 0)
	requireExceeded(t, w.reserve("s5", 46), 45)
	require.NoError(t, w.reserve("s5", 45))
	w.settle("s5", registry.Unknown, 0)
	w.requireSpent(55, 45)
	requireExceeded(t, w.reserve("s6", 1), 0)
	w.settle("s5", registry.Posted, 50)
	w.requireSpent(105, 0)
	requireExceeded(t, w.reserve("s6", 1), 0)

	w.allowSpending(1000, 60, "month")
	requireExceeded(t, w.reserve("s7", 61), 895)
	require.NoError(t, w.reserve("s7", 60))
	requireExceeded(t, w.reserve("s8", 61), 835)
	w.requireSpent(105, 60)
	w.allowSpending(50, registry.NoLimit, "month")
	requireExceeded(t, w.reserve("s8", 1), 0)
	w.allowSpending(registry.NoLimit, registry.NoLimit, "month")
	require.NoError(t, w.reserve("s9", registry.MaxAmount))
}

func budgetOnce(t *testing.T, w *world) {
	w.allowSpending(100, registry.NoLimit, "none")
	_, _, err := w.Reserve(w.ctx, w.spend("s1", "hash", 100), windows)
	require.NoError(t, err)
	for _, state := range []string{registry.Held, registry.Unknown, registry.Posted} {
		if state != registry.Held {
			w.settle("s1", state, 0)
		}
		_, _, err = w.Reserve(w.ctx, w.spend("s2", "hash", 100), windows)
		var already *registry.SpentAlreadyError
		require.ErrorAs(t, err, &already, state)
		require.Equal(t, state, already.Spend.State)
		require.Equal(t, "s1", already.Spend.ID)
	}
	w.requireSpent(0, 0)
	_, _, err = w.Reserve(w.ctx, w.spend("s1", "other", 1), windows)
	require.ErrorIs(t, err, registry.ErrExists)
	w.requireSpent(0, 0)

	_, _, err = w.Reserve(w.ctx, w.spend("s3", "hash2", 100), windows)
	require.NoError(t, err)
	w.settle("s3", registry.Voided, 0)
	_, _, err = w.Reserve(w.ctx, w.spend("s4", "hash2", 100), windows)
	require.NoError(t, err, "nothing had happened")
	w.settle("s4", registry.Voided, 0)
	for _, id := range []string{"s5", "s6"} {
		_, _, err = w.Reserve(w.ctx, w.spend(id, "", 50), windows)
		require.NoError(t, err, "what is paid is not known")
	}
}

func budgetSettledOnce(t *testing.T, w *world) {
	w.allowSpending(100, registry.NoLimit, "none")
	require.ErrorIs(t, second(w.Settle(w.ctx, "none", registry.Outcome{State: registry.Voided})), registry.ErrNotFound)
	for id, to := range map[string]registry.Outcome{
		"posted": {State: registry.Posted, Cost: 9}, "voided": {State: registry.Voided},
	} {
		require.NoError(t, w.reserve(id, 10))
		for range 2 {
			s, err := w.Settle(w.ctx, id, to)
			require.NoError(t, err)
			require.Equal(t, to.Cost, s.Cost)
			require.True(t, s.InquireAt.IsZero())
		}
		for _, other := range []registry.Outcome{
			{State: registry.Posted, Cost: 8}, {State: registry.Unknown, InquireAt: w.Now()}, {State: registry.Posted, Cost: 10},
		} {
			require.ErrorIs(t, second(w.Settle(w.ctx, id, other)), registry.ErrSettled)
		}
	}
	w.requireSpent(9, 0)
	for _, bad := range []registry.Outcome{{}, {State: registry.Held}, {State: registry.Posted, Cost: -1}, {State: registry.Voided, Cost: 1}, {State: registry.Unknown}} {
		require.ErrorIs(t, second(w.Settle(w.ctx, "posted", bad)), registry.ErrInvalid)
	}
}

// A charge belongs to the window in which it was reserved, whenever it is settled.
func budgetWindows(t *testing.T, w *world) {
	w.Set(time.Date(2031, 1, 31, 23, 59, 59, 0, time.UTC))
	w.allowSpending(100, registry.NoLimit, "month")
	require.NoError(t, w.reserve("january", 100))
	requireExceeded(t, w.reserve("late", 1), 0)
	w.Advance(time.Second)
	b, err := w.Budget(w.ctx, budgetOfAnn)
	require.NoError(t, err)
	require.EqualValues(t, 100, b.At(w.Now(), windows).Left(), "it is February")
	require.NoError(t, w.reserve("february", 70))
	w.settle("january", registry.Posted, 100)
	w.requireSpent(0, 70)
	w.settle("february", registry.Voided, 0)
	w.requireSpent(0, 0)

	w.Advance(-2 * time.Second)
	require.NoError(t, w.reserve("behind", 60), "a clock that is behind reserves in the new window")
	requireExceeded(t, w.reserve("behind2", 41), 40)
	w.requireSpent(0, 60)
	w.Advance(40 * 24 * time.Hour)
	require.NoError(t, w.reserve("march", 100))
	w.settle("behind", registry.Unknown, 0)
	w.settle("behind", registry.Voided, 0)
	w.requireSpent(0, 100)
}

// Another period makes no fresh budget.
func budgetPeriodChanged(t *testing.T, w *world) {
	w.Set(time.Date(2031, 1, 10, 12, 0, 0, 0, time.UTC))
	w.allowSpending(100, registry.NoLimit, "day")
	require.NoError(t, w.reserve("posted", 50))
	w.settle("posted", registry.Posted, 50)
	w.Advance(24 * time.Hour)
	require.NoError(t, w.reserve("held", 30))
	require.NoError(t, w.reserve("voided", 20))
	w.settle("voided", registry.Voided, 0)
	w.requireSpent(0, 30)
	w.allowSpending(100, registry.NoLimit, "month")
	w.requireSpent(50, 30)
	requireExceeded(t, w.reserve("more", 21), 20)
	w.settle("held", registry.Posted, 30)
	w.requireSpent(80, 0)
	w.allowSpending(100, registry.NoLimit, "day")
	w.requireSpent(30, 0)
	w.allowSpending(100, registry.NoLimit, "none")
	w.requireSpent(80, 0)
}

// Another time zone makes no fresh budget, and takes none away.
func budgetZoneChanged(t *testing.T, w *world) {
	in := func(hours int) registry.Windows {
		ahead := time.Duration(hours) * time.Hour
		return func(b registry.Budget, at time.Time) (start, end time.Time) {
			start, end = windows(b, at.Add(ahead))
			return start.Add(-ahead), end.Add(-ahead)
		}
	}
	reserve := func(amount int64, zone registry.Windows) error {
		_, _, err := w.Reserve(w.ctx, w.spend(fmt.Sprint(w.Now().Unix()), "", amount), zone)
		return err
	}
	requireOver := func(zone registry.Windows, ends time.Time) {
		t.Helper()
		var exceeded *registry.BudgetExceededError
		require.ErrorAs(t, reserve(1, zone), &exceeded)
		require.Equal(t, ends, exceeded.Budget.WindowEnd)
	}
	east, west := in(2), in(-5)
	january, february, march := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2031, 2, 1, 0, 0, 0, 0, time.UTC), time.Date(2031, 3, 1, 0, 0, 0, 0, time.UTC)

	w.Set(january)
	w.allowSpending(100, registry.NoLimit, "month")
	require.NoError(t, reserve(100, in(0)))
	w.Set(february.Add(-time.Hour)) // in the east it is February
	requireOver(east, february)
	w.Set(february)
	require.NoError(t, reserve(100, east))
	w.Set(february.Add(time.Hour))
	requireOver(east, march.Add(-2*time.Hour))
	w.Set(march.Add(-2 * time.Hour))
	require.NoError(t, reserve(100, east))
	april := march.AddDate(0, 1, 0)
	w.Set(april.Add(2 * time.Hour)) // in the west it is March
	requireOver(west, april.Add(5*time.Hour))
	w.Set(april.Add(5 * time.Hour))
	require.NoError(t, reserve(100, west))
}

func budgetAtOnce(t *testing.T, w *world) {
	w.allowSpending(50, registry.NoLimit, "day")
	results := registrytest.Race(100, func(i int) error { return w.reserve(fmt.Sprint(i), 1) })
	succeeded := 0
	for _, err := range results {
		if err == nil {
			succeeded++
			continue
		}
		requireExceeded(t, err, 0)
	}
	require.Equal(t, 50, succeeded)
	w.requireSpent(0, 50)

	results = registrytest.Race(100, func(i int) error {
		to := registry.Outcome{State: registry.Posted, Cost: 1}
		if i%2 == 0 {
			to = registry.Outcome{State: registry.Voided}
		}
		return second(w.Settle(w.ctx, fmt.Sprint(i), to))
	})
	posted := int64(0)
	for i, err := range results {
		switch {
		case err != nil:
			require.ErrorIs(t, err, registry.ErrNotFound)
		case i%2 == 1:
			posted++
		}
	}
	w.requireSpent(posted, 0)
}

// Settling, and reserving the same again, take the same rows.
func budgetSettledAgainstReserving(t *testing.T, w *world) {
	w.allowSpending(1000, registry.NoLimit, "day")
	for round := range 20 {
		first := fmt.Sprintf("first-%d", round)
		_, _, err := w.Reserve(w.ctx, w.spend(first, first, 10), windows)
		require.NoError(t, err)
		results := registrytest.Race(4, func(i int) error {
			if i%2 == 0 {
				return second(w.Settle(w.ctx, first, registry.Outcome{State: registry.Voided}))
			}
			_, _, err := w.Reserve(w.ctx, w.spend(fmt.Sprintf("again-%d-%d", round, i), first, 10), windows)
			return err
		})
		live := 0
		for i, err := range results {
			var already *registry.SpentAlreadyError
			switch {
			case i%2 == 0:
				require.NoError(t, err)
			case err == nil:
				live++
			default:
				require.True(t, errors.As(err, &already), "%v", err)
			}
		}
		require.LessOrEqual(t, live, 1, "the same is reserved once")
	}
	b, err := w.Budget(w.ctx, budgetOfAnn)
	require.NoError(t, err)
	w.requireSpent(0, b.Held)
}

func budgetEnsured(t *testing.T, w *world) {
	want := registry.Budget{BudgetKey: budgetOfAnn, Most: 7, MostAtOnce: registry.NoLimit, Period: "month", AnchoredAt: w.Now()}
	b, err := w.EnsureBudget(w.ctx, want, windows)
	require.NoError(t, err)
	require.EqualValues(t, 7, b.Most)
	require.Equal(t, stored(want.AnchoredAt), b.AnchoredAt)
	want.Most = 9
	b, err = w.EnsureBudget(w.ctx, want, windows)
	require.NoError(t, err)
	require.EqualValues(t, 7, b.Most, "what was decided stays")
	require.Zero(t, b.Revision, "but nobody was asked")
	for _, bad := range []registry.Budget{
		{}, {BudgetKey: budgetOfAnn}, {BudgetKey: budgetOfAnn, Period: "day", Most: -2},
		{BudgetKey: budgetOfAnn, Period: "day", MostAtOnce: registry.MaxAmount + 1},
		{BudgetKey: registry.BudgetKey{Subject: "a\x00b", ClientID: "app", Unit: "sat"}, Period: "day"},
	} {
		require.ErrorIs(t, second(w.SetBudget(w.ctx, bad, windows)), registry.ErrInvalid)
	}
	all, err := w.BudgetsOf(w.ctx, "ann")
	require.NoError(t, err)
	require.Equal(t, []registry.Budget{b}, all)
	require.ErrorIs(t, second(w.Budget(w.ctx, registry.BudgetKey{Subject: "bob", ClientID: "app", Unit: "sat"})), registry.ErrNotFound)
}

func spendsInquired(t *testing.T, w *world) {
	w.allowSpending(100, registry.NoLimit, "day")
	for _, id := range []string{"a", "b", "c", "d"} {
		require.NoError(t, w.reserve(id, 10))
	}
	w.settle("d", registry.Posted, 10)
	claim := func(limit int, without ...string) (ids []string) {
		due, err := w.ClaimInquiries(w.ctx, time.Minute, limit, without)
		require.NoError(t, err)
		for _, s := range due {
			ids = append(ids, s.ID)
		}
		return ids
	}
	require.Empty(t, claim(10), "their requests may still be answered")
	w.Advance(time.Minute)
	s, err := w.Spend(w.ctx, "a")
	require.NoError(t, err)
	require.Empty(t, claim(10, "GET /other", s.Route), "of a route that is left out")
	require.Len(t, claim(2), 2)
	require.Len(t, claim(2), 1, "nobody is given what another was")
	require.Empty(t, claim(2))
	w.settle("a", registry.Unknown, 0)
	w.Advance(time.Minute)
	require.ElementsMatch(t, []string{"b", "c"}, claim(10))
	w.Advance(time.Hour)
	require.ElementsMatch(t, []string{"a", "b", "c"}, claim(10))
	s, err = w.Spend(w.ctx, "b")
	require.NoError(t, err)
	require.Equal(t, 3, s.Inquiries)
	w.requireSpent(10, 30)
}

func spendsListedAndPurged(t *testing.T, w *world) {
	w.allowSpending(registry.NoLimit, registry.NoLimit, "day")
	for i := range 10 {
		require.NoError(t, w.reserve(fmt.Sprint(i), 1))
		if i%2 == 0 {
			w.Advance(time.Second)
		}
		if i < 5 {
			w.settle(fmt.Sprint(i), registry.Posted, 1)
		}
	}
	var ids string
	for last := (registry.Spend{}); ; {
		page, err := w.Spends(w.ctx, "ann", "app", last, 3)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		for _, s := range page {
			ids += s.ID
		}
		last = page[len(page)-1]
	}
	require.Equal(t, "9876543210", ids)
	others, err := w.Spends(w.ctx, "bob", "app", registry.Spend{}, 3)
	require.NoError(t, err)
	require.Empty(t, others)

	w.Advance(time.Hour)
	removed, err := w.PurgeSpends(w.ctx, w.Now(), 3)
	require.NoError(t, err)
	require.Equal(t, 3, removed)
	removed, err = w.PurgeSpends(w.ctx, w.Now(), 100)
	require.NoError(t, err)
	require.Equal(t, 2, removed)
	left, err := w.Spends(w.ctx, "ann", "app", registry.Spend{}, 100)
	require.NoError(t, err)
	require.Len(t, left, 5, "what is not settled is kept for ever")
}

// budgetDecided is set with the grant, or neither is.
func budgetDecided(t *testing.T, w *world) {
	decision := func(most, seen int64) registry.Decision {
		b := registry.Budget{BudgetKey: budgetOfAnn, Most: most, MostAtOnce: registry.NoLimit, Period: "day", Revision: seen}
		return registry.Decision{Budget: b, Windows: windows}
	}
	grant := func(name string, decided ...registry.Decision) error {
		return second(w.Registry.Authorize(w.ctx, registry.Grant{ID: name, ClientID: "app", Subject: "ann"},
			registry.Code{Hash: "code-" + name, ExpiresAt: w.Now().Add(codeLife)}, manyGrants, decided...))
	}
	limit := func() int64 {
		b, err := w.Budget(w.ctx, budgetOfAnn)
		require.NoError(t, err)
		return b.Most
	}
	require.NoError(t, grant("g1", decision(5, 0)))
	require.EqualValues(t, 5, limit())
	require.NoError(t, w.reserve("p1", 3))
	require.ErrorIs(t, grant("g2", decision(100, 0)), registry.ErrBudgetChanged, "it was looked at before there was one")
	require.EqualValues(t, 5, limit())
	require.ErrorIs(t, second(w.Grant(w.ctx, "g2")), registry.ErrNotFound)
	require.NoError(t, grant("g3", decision(6, 1)))
	require.EqualValues(t, 6, limit())
	w.requireSpent(0, 3)

	w.ask("r1")
	decide := func(name string, d registry.Decision) error {
		return third(w.AuthorizeRequest(w.ctx, "r1", "s1", registry.Grant{ID: name, ClientID: "app", Subject: "ann"},
			registry.Code{Hash: "code-" + name, ExpiresAt: w.Now().Add(codeLife)}, manyGrants, nil, d))
	}
	require.ErrorIs(t, decide("g4", decision(100, 1)), registry.ErrBudgetChanged)
	require.False(t, w.asked("r1").Used())
	require.NoError(t, decide("g4", decision(8, 2)))
	require.ErrorIs(t, decide("g5", decision(100, 3)), registry.ErrRequestUsed)
	require.EqualValues(t, 8, limit())

	foreign := decision(1, 0)
	foreign.Budget.Subject = "bob"
	require.ErrorIs(t, grant("g6", foreign), registry.ErrInvalid)
	foreign.Budget.Subject, foreign.Budget.ClientID = "ann", "other"
	require.ErrorIs(t, grant("g6", foreign), registry.ErrInvalid)
}

func spendsOfTheSame(t *testing.T, w *world) {
	w.allowSpending(100, registry.NoLimit, "day")
	reserve := func(id, subject, client, once string) registry.Spend {
		s := w.spend(id, once, 1)
		s.Subject, s.ClientID = subject, client
		key := s.Key()
		require.NoError(t, second(w.EnsureBudget(w.ctx, registry.Budget{BudgetKey: key, Most: 100, MostAtOnce: -1, Period: "day"}, windows)))
		s, _, err := w.Reserve(w.ctx, s, windows)
		require.NoError(t, err)
		return s
	}
	requireAgain := func(want bool, s registry.Spend) {
		t.Helper()
		again, err := w.IsSpentAgain(w.ctx, s)
		require.NoError(t, err)
		require.Equal(t, want, again)
	}
	first := reserve("1", "ann", "app", "hash")
	reserve("2", "ann", "app", "other")
	reserve("3", "bob", "app", "hash")
	requireAgain(false, first)
	reserve("4", "ann", "shop", "hash")
	requireAgain(true, first)
	w.settle("4", registry.Voided, 0)
	requireAgain(true, first)
	w.settle("3", registry.Voided, 0)
	voided := reserve("5", "ann", "app", "third")
	w.settle("5", registry.Voided, 0)
	requireAgain(false, voided)
	requireAgain(true, reserve("6", "ann", "app", "third"))
	reserve("7", "ann", "app", "")
	requireAgain(false, reserve("8", "ann", "app", ""))
}

func spendsUnsettled(t *testing.T, w *world) {
	requireUnsettled := func(want registry.Unsettled) {
		t.Helper()
		u, err := w.Unsettled(w.ctx)
		require.NoError(t, err)
		require.Equal(t, want, u)
	}
	requireUnsettled(registry.Unsettled{})
	w.allowSpending(100, registry.NoLimit, "day")
	began := w.Now()
	for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
		require.NoError(t, w.reserve(id, 10))
		w.Advance(time.Second)
	}
	w.settle("a", registry.Posted, 10)
	w.settle("b", registry.Voided, 0)
	requireUnsettled(registry.Unsettled{Held: 4})
	for _, id := range []string{"c", "e", "d"} {
		w.settle(id, registry.Unknown, 0)
	}
	requireUnsettled(registry.Unsettled{Held: 1, Unknown: 3, OldestUnknown: stored(began.Add(2 * time.Second))})

	first, err := w.UnknownSpends(w.ctx, registry.Spend{}, 2)
	require.NoError(t, err)
	require.Equal(t, []string{"c", "d"}, []string{first[0].ID, first[1].ID}, "the oldest first")
	rest, err := w.UnknownSpends(w.ctx, first[1], 2)
	require.NoError(t, err)
	require.Len(t, rest, 1)
	require.Equal(t, "e", rest[0].ID)
	w.settle("c", registry.Posted, 9)
	requireUnsettled(registry.Unsettled{Held: 1, Unknown: 2, OldestUnknown: stored(began.Add(3 * time.Second))})
}
